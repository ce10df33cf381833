import type { BlobCodec } from '../blob-codec.ts'
import type { BlobIndex } from '../blob-index.ts'
import { FormatError } from '../format/errors.ts'
import type { SavedBlob } from '../packer.ts'
import { PieceReader } from './blob-examiner.ts'
import type { PackPiece } from './blob-examiner.ts'
import type { SharedPacker } from './shared-packer.ts'

/** Data blobs of a pack of another repository that are to be stored in this one. */
export interface CopyOrder {
  readonly piece: PackPiece
  /** Entries of the other repository's index, by their offset; each lies whole in the piece. */
  readonly entries: Uint32Array
}

export interface CopiedBlobs {
  /** Entries whose blobs are damaged, and were not stored. */
  readonly damaged: readonly number[]
  readonly added: { readonly blobs: number; readonly bytes: number; readonly storedBytes: number }
}

interface CopySource {
  readonly codec: BlobCodec
  readonly index: BlobIndex
}

interface CopyTarget {
  readonly codec: BlobCodec
  readonly packer: SharedPacker
}

/** Opens blobs of another repository, proves them against their ids, and stores them as this one stores blobs. In a thread. */
export class BlobCopier {
  readonly #source: CopySource
  readonly #target: CopyTarget
  readonly #id = Buffer.alloc(32)
  readonly #hash = Buffer.alloc(32)

  constructor(source: CopySource, target: CopyTarget) {
    this.#source = source
    this.#target = target
  }

  copy({ piece, entries }: CopyOrder): CopiedBlobs {
    const damaged: number[] = []
    const added = { blobs: 0, bytes: 0, storedBytes: 0 }
    const reader = new PieceReader([piece])
    const { index } = this.#source
    for (const entry of entries) {
      const blob = this.#open(entry, reader.read(index.offsetOf(entry), index.lengthOf(entry)))
      if (!blob) {
        damaged.push(entry)
        continue
      }
      const { known, stored } = this.#save(blob)
      if (known) continue
      added.blobs++
      added.bytes += blob.plain.length
      added.storedBytes += stored
    }
    return { damaged, added }
  }

  /** The blob, proven; undefined when it is damaged. */
  #open(entry: number, sealed: Uint8Array): OpenedBlob | undefined {
    const { codec, index } = this.#source
    const plainLength = index.uncompressedLengthOf(entry)
    try {
      const opened = plainLength > 0 ? codec.openFrame(sealed, plainLength) : { plain: codec.open(sealed, 0) }
      codec.primitives.hasher.sha256(opened.plain, this.#hash, 0)
      index.copyId(entry, this.#id, 0)
      return this.#hash.equals(this.#id) ? opened : undefined
    } catch (thrown) {
      if (thrown instanceof FormatError) return undefined
      throw thrown
    }
  }

  #save({ plain, frame }: OpenedBlob): SavedBlob {
    const { codec, packer } = this.#target
    if (frame && codec.keepsFrame(frame)) return packer.saveFrame(frame, plain.length, this.#id)
    return packer.save('data', plain, this.#id, 0)
  }
}

interface OpenedBlob {
  readonly plain: Buffer
  /** The zstd frame that it was in; undefined when it was not compressed. */
  readonly frame?: Buffer
}
