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

  deliver(delivery: PackDelivery): PackDelivered {
    const failures: { write: number; error: PlainError }[] = []
    const opened = new OpenedBlobs(delivery, (blob) => this.#open(delivery.pack, blob))
    let bytes = 0
    delivery.writes.forEach((write, i) => {
      try {
        bytes += this.write(write, opened.take(blobsOf(write)))
      } catch (thrown) {
        failures.push({ write: i, error: toPlainError(thrown) })
      }
    })
    return { failures, damaged: opened.damaged, bytes }
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

  /** The blob's bytes, good until the next call. Throws `BLOB_DAMAGED`. */
  #open(pack: string, { id, sealed, uncompressedLength }: DeliveredBlob): Buffer {
    try {
      const plain = this.#codec.open(sealed, uncompressedLength)
      this.#codec.primitives.hasher.sha256(plain, this.#hash, 0)
      if (this.#hash.equals(id)) return plain
    } catch (cause) {
      if (cause instanceof FormatError) throw damagedBlob(pack, id, cause.message, cause)
      throw cause
    }
    throw damagedBlob(pack, id, 'its content is not what its id says')
  }
}

/**
 * The blobs of a delivery, opened when they are first needed. Most are written once and straight from the memory that they
 * were opened into; only what is needed again, or together with others, is kept as a copy.
 */
class OpenedBlobs {
  readonly damaged: { blob: number; error: PlainError }[] = []
  readonly #blobs: readonly DeliveredBlob[]
  readonly #open: (blob: DeliveredBlob) => Buffer
  readonly #usesLeft: Uint32Array
  readonly #kept = new Map<number, Buffer | Error>()

  constructor({ blobs, writes }: PackDelivery, open: (blob: DeliveredBlob) => Buffer) {
    this.#blobs = blobs
    this.#open = open
    this.#usesLeft = new Uint32Array(blobs.length)
    for (const write of writes)
      for (const blob of blobsOf(write)) this.#usesLeft[blob] = (this.#usesLeft[blob] ?? 0) + 1
  }

  /** Throws what is wrong with the first that is damaged. */
  take(wanted: readonly number[]): Buffer[] {
    const pieces = wanted.map((blob) => this.#takeOne(blob, wanted.length === 1))
    return pieces.map((piece) => {
      if (piece instanceof Error) throw piece
      return piece
    })
  }

  #takeOne(blob: number, isAlone: boolean): Buffer | Error {
    const isLast = (this.#usesLeft[blob] = (this.#usesLeft[blob] as number) - 1) === 0
    const kept = this.#kept.get(blob)
    if (kept) {
      if (isLast) this.#kept.delete(blob)
      return kept
    }
    const opened = this.#openOne(blob)
    const piece = opened instanceof Error || (isLast && isAlone) ? opened : Buffer.from(opened)
    if (!isLast) this.#kept.set(blob, piece)
    return piece
  }

  #openOne(blob: number): Buffer | Error {
    try {
      return this.#open(this.#blobs[blob] as DeliveredBlob)
    } catch (thrown) {
      this.damaged.push({ blob, error: toPlainError(thrown) })
      return thrown as Error
    }
  }
}

function blobsOf(write: DeliveryWrite): readonly number[] {
  return write.kind === 'part' ? [write.blob] : write.blobs
}

function damagedBlob(pack: string, id: Uint8Array, reason: string, cause?: unknown): RepositoryError {
  return new RepositoryError('BLOB_DAMAGED', { type: 'data', id: Buffer.from(id).toString('hex'), pack, reason, cause })
}
