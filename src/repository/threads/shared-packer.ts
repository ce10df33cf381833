import type { BlobCodec } from '../blob-codec.ts'
import type { BlobIndex } from '../blob-index.ts'
import type { BlobType } from '../delivery.ts'
import { sealPack } from '../packer.ts'
import type { SavedBlob, SealedPack } from '../packer.ts'
import { Scratch } from '../scratch.ts'
import { changesSoFar, throwIfStopped, waitForChange } from './memory.ts'
import type { SharedControl } from './memory.ts'
import type { BlobToAppend, SharedPackTable } from './shared-packs.ts'

export interface SharedPackerParts {
  readonly codec: BlobCodec
  readonly index: BlobIndex
  readonly packs: SharedPackTable
  readonly control: SharedControl
  /** Receives every complete pack, with the buffer to release when it has been written. */
  readonly emit: (pack: SealedPack, buffer: number) => void
}

/** Puts blobs that the index does not know into the packs that all threads fill. One for each thread. */
export class SharedPacker {
  readonly #parts: SharedPackerParts
  readonly #sealed = new Scratch(64 << 10)

  constructor(parts: SharedPackerParts) {
    this.#parts = parts
  }

  /** Saves a blob whose id stands in `ids` at `at`, unless the index knows it. */
  save(type: BlobType, plain: Uint8Array, ids: Uint8Array, at: number): SavedBlob {
    const { codec, index } = this.#parts
    const { entry, known } = index.claim(type, ids, at)
    if (known) return { known, stored: 0 }
    const out = this.#roomFor(plain.length)
    const { length, plainLength } = codec.seal(type, plain, out, 0)
    const sealed = out.subarray(0, length)
    this.#append({ type: type === 'tree' ? 1 : 0, ids, idAt: at, sealed, plainLength, entry })
    return { known, stored: length }
  }

  /** The same for a data blob that is compressed already: its zstd frame, whose content has been proven against its id. */
  saveFrame(frame: Uint8Array, plainLength: number, id: Uint8Array): SavedBlob {
    const { codec, index } = this.#parts
    const { entry, known } = index.claim('data', id, 0)
    if (known) return { known, stored: 0 }
    const out = this.#roomFor(frame.length)
    const length = codec.sealFrame(frame, out, 0)
    this.#append({ type: 0, ids: id, idAt: 0, sealed: out.subarray(0, length), plainLength, entry })
    return { known, stored: length }
  }

  #roomFor(bytes: number): Buffer {
    return this.#sealed.take(this.#parts.codec.sealedBound(bytes))
  }

  // Waits while every buffer is on its way to the storage: the storage sets the pace, and memory stays bounded.
  #append(blob: BlobToAppend): void {
    const { packs, control } = this.#parts
    for (;;) {
      throwIfStopped(control)
      const seen = changesSoFar(control)
      const { done, complete } = packs.append(blob, Math.random())
      for (const buffer of complete) this.#emit(buffer)
      if (done) return
      waitForChange(control, seen)
    }
  }

  #emit(buffer: number): void {
    const { codec, packs, emit } = this.#parts
    const { bytes, length } = packs.content(buffer)
    emit(sealPack(codec, bytes, length, packs.blobs(buffer)), buffer)
  }
}
