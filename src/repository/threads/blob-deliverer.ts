import { toPlainError } from '#base'
import type { PlainError } from '#base'
import type { BlobCodec } from '../blob-codec.ts'
import type { ContentWriter } from '../content.ts'
import type { DeliveryWrite } from '../delivery.ts'
import { RepositoryError } from '../errors.ts'
import { FormatError } from '../format/errors.ts'

/** Blobs of one pack, as the main thread read them from the storage. */
export interface PackDelivery {
  /** Name of the pack, for messages. */
  readonly pack: string
  readonly blobs: readonly DeliveredBlob[]
  readonly writes: readonly DeliveryWrite[]
}

export interface DeliveredBlob {
  readonly id: Uint8Array
  readonly sealed: Uint8Array
  /** `uncompressed_length`: 0 when the blob is stored as it is. */
  readonly uncompressedLength: number
}

export interface PackDelivered {
  readonly failures: readonly { readonly write: number; readonly error: PlainError }[]
  /** Blobs that are damaged, by their position: another copy may be tried. */
  readonly damaged: readonly { readonly blob: number; readonly error: PlainError }[]
  readonly bytes: number
}

/** Opens blobs in a thread, checks their hashes, and hands them to the writer module. */
export class BlobDeliverer implements Disposable {
  readonly #codec: BlobCodec
  readonly #writer: ContentWriter
  readonly #hash = Buffer.alloc(32)

  constructor(codec: BlobCodec, writer: ContentWriter) {
    this.#codec = codec
    this.#writer = writer
  }

  deliver({ pack, blobs, writes }: PackDelivery): PackDelivered {
    const opened = blobs.map((blob) => this.#open(pack, blob))
    const failures: { write: number; error: PlainError }[] = []
    const damaged: { blob: number; error: PlainError }[] = []
    opened.forEach((blob, i) => blob instanceof Error && damaged.push({ blob: i, error: toPlainError(blob) }))
    let bytes = 0
    writes.forEach((write, i) => {
      const pieces = (write.kind === 'part' ? [write.blob] : write.blobs).map((blob) => opened[blob])
      const broken = pieces.find((piece) => piece instanceof Error)
      if (broken) return void failures.push({ write: i, error: toPlainError(broken) })
      try {
        bytes += this.write(write, pieces as Buffer[])
      } catch (thrown) {
        failures.push({ write: i, error: toPlainError(thrown) })
      }
    })
    return { failures, damaged, bytes }
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]()
  }

  /** Hands pieces to the writer module; returns their bytes. */
  write(write: DeliveryWrite, pieces: readonly Uint8Array[]): number {
    if (write.kind === 'part') this.#writer.write(write.ref, write.offset, pieces[0] as Uint8Array)
    else this.#writer.writeWhole(write.ref, pieces)
    return pieces.reduce((sum, piece) => sum + piece.length, 0)
  }

  #open(pack: string, { id, sealed, uncompressedLength }: DeliveredBlob): Buffer | Error {
    try {
      // A copy: several blobs of a file are written together, and `open` reuses its memory.
      const plain = Buffer.from(this.#codec.open(sealed, uncompressedLength))
      this.#codec.primitives.hasher.sha256(plain, this.#hash, 0)
      if (this.#hash.equals(id)) return plain
      return damagedBlob(pack, id, 'its content is not what its id says')
    } catch (cause) {
      if (cause instanceof FormatError) return damagedBlob(pack, id, cause.message, cause)
      throw cause
    }
  }
}

function damagedBlob(pack: string, id: Uint8Array, reason: string, cause?: unknown): RepositoryError {
  return new RepositoryError('BLOB_DAMAGED', { type: 'data', id: Buffer.from(id).toString('hex'), pack, reason, cause })
}
