import { hasCode, toPlainError } from '#base'
import type { PlainError } from '#base'
import type { ByteRange } from '#backend'
import type { BlobCodec } from '../blob-codec.ts'
import type { ContentWriter } from '../content.ts'
import type { DeliveryWrite } from '../delivery.ts'
import { RepositoryError } from '../errors.ts'
import { FormatError } from '../format/errors.ts'
import { Room } from './room.ts'
import type { ThreadFiles } from './thread-files.ts'

/** Blobs of one pack and what to write with them. */
export interface PackDelivery {
  /** Name of the pack. */
  readonly pack: string
  readonly blobs: DeliveredBlobs
  /** The stretches of the pack that the blobs lie in. */
  readonly stretches: readonly ByteRange[]
  /** Those stretches, as the main thread read them; undefined: the thread reads them itself. */
  readonly pieces?: readonly Uint8Array[] | undefined
  readonly writes: readonly DeliveryWrite[]
}

/** In columns: an object for each blob would take longer to cross to a thread than to open the blob. */
export interface DeliveredBlobs {
  /** 32 bytes each. */
  readonly ids: Uint8Array
  /** For each: which stretch it lies in, where in the pack, sealed bytes, `uncompressed_length`. */
  readonly places: Uint32Array
}

/** Numbers of a blob in `places`. */
export const placeFields = 4

export interface PackDelivered {
  readonly failures: readonly { readonly write: number; readonly error: PlainError }[]
  /** Blobs that are damaged, by their position: another copy may be tried. */
  readonly damaged: readonly { readonly blob: number; readonly error: PlainError }[]
  readonly bytes: number
}

/** Opens blobs in a thread, checks their hashes, and hands them to the writer module. */
export class BlobDeliverer implements Disposable {
  readonly #codec: BlobCodec
  readonly #files: ThreadFiles | undefined
  readonly #writer: ContentWriter
  readonly #room = new Room()
  readonly #hash = Buffer.alloc(32)

  constructor(codec: BlobCodec, files: ThreadFiles | undefined, writer: ContentWriter) {
    this.#codec = codec
    this.#files = files
    this.#writer = writer
  }

  /** Undefined when the thread cannot read the pack itself: the storage is to be asked, which tries again. */
  deliver(delivery: PackDelivery): PackDelivered | undefined {
    const pieces = delivery.pieces ?? this.#read(delivery)
    if (!pieces) return undefined
    const failures: { write: number; error: PlainError }[] = []
    const opened = new OpenedBlobs(delivery, (blob) => this.#open(delivery, pieces, blob))
    let bytes = 0
    delivery.writes.forEach((write, i) => {
      try {
        bytes += this.write(write, opened.take(blobsOf(write)))
      } catch (thrown) {
        if (thrown instanceof OpeningFault) throw thrown.cause
        failures.push({ write: i, error: toPlainError(thrown) })
      }
    })
    return { failures, damaged: opened.damaged, bytes }
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]()
  }

  /** Hands pieces to the writer module, each when the one before is written; returns their bytes. */
  write(write: DeliveryWrite, pieces: Iterable<Uint8Array>): number {
    let bytes = 0
    const counted = (function* () {
      for (const piece of pieces) {
        bytes += piece.length
        yield piece
      }
    })()
    if (write.kind === 'whole') this.#writer.writeWhole(write.ref, counted)
    else for (const piece of counted) this.#writer.write(write.ref, write.offset, piece)
    return bytes
  }

  /** All stretches, one after the other in memory that is used again for the next delivery. */
  #read({ pack, stretches }: PackDelivery): Uint8Array[] | undefined {
    const room = this.#room.take(stretches.reduce((sum, { length }) => sum + length, 0))
    const pieces: Uint8Array[] = []
    let at = 0
    for (const range of stretches) {
      const piece = this.#files?.tryRead({ type: 'pack', name: pack }, () => room.subarray(at), range)
      if (!piece) return undefined
      pieces.push(piece)
      at += range.length
    }
    return pieces
  }

  /** The blob's bytes, good until the next call. Throws `BLOB_DAMAGED`. */
  #open({ pack, blobs, stretches }: PackDelivery, pieces: readonly Uint8Array[], blob: number): Buffer {
    if (!(blob >= 0 && blob * 32 < blobs.ids.length)) throw new RangeError(`a write asks for blob ${blob}`)
    const id = Buffer.from(blobs.ids.buffer, blobs.ids.byteOffset + blob * 32, 32)
    const [stretch, offset, length, plainLength] = blobs.places.subarray(blob * placeFields) as unknown as Place
    const from = offset - (stretches[stretch] as ByteRange).offset
    try {
      const plain = this.#codec.open((pieces[stretch] as Uint8Array).subarray(from, from + length), plainLength)
      this.#codec.primitives.hasher.sha256(plain, this.#hash, 0)
      if (this.#hash.equals(id)) return plain
    } catch (cause) {
      if (cause instanceof FormatError) throw damagedBlob(pack, id, cause.message, cause)
      throw cause
    }
    throw damagedBlob(pack, id, 'its content is not what its id says')
  }
}

type Place = readonly [stretch: number, offset: number, length: number, plainLength: number]

/**
 * The blobs of a delivery, opened when they are first needed. Most are written once and straight from the memory that they
 * were opened into; only what is needed again is kept as a copy.
 */
class OpenedBlobs {
  readonly damaged: { blob: number; error: PlainError }[] = []
  readonly #open: (blob: number) => Buffer
  readonly #usesLeft: Uint32Array
  readonly #kept = new Map<number, Buffer | Error>()

  constructor({ blobs, writes }: PackDelivery, open: (blob: number) => Buffer) {
    this.#open = open
    this.#usesLeft = new Uint32Array(blobs.ids.length / 32)
    for (const write of writes)
      for (const blob of blobsOf(write)) this.#usesLeft[blob] = (this.#usesLeft[blob] ?? 0) + 1
  }

  /** Each is good until the next. Throws what is wrong with the first that is damaged. */
  *take(wanted: readonly number[]): Generator<Buffer> {
    for (const blob of wanted) {
      const piece = this.#takeOne(blob)
      if (piece instanceof Error) throw piece
      yield piece
    }
  }

  #takeOne(blob: number): Buffer | Error {
    const isLast = (this.#usesLeft[blob] = (this.#usesLeft[blob] as number) - 1) === 0
    const kept = this.#kept.get(blob)
    if (kept) {
      if (isLast) this.#kept.delete(blob)
      return kept
    }
    const opened = this.#openOne(blob)
    if (!isLast) this.#kept.set(blob, opened instanceof Error ? opened : Buffer.from(opened))
    return opened
  }

  #openOne(blob: number): Buffer | Error {
    try {
      return this.#open(blob)
    } catch (thrown) {
      if (!hasCode(thrown, 'BLOB_DAMAGED')) throw new OpeningFault(thrown)
      this.damaged.push({ blob, error: toPlainError(thrown) })
      return thrown as Error
    }
  }
}

/** A mistake of ours while a blob was opened: it is neither damage nor a file that cannot be written. */
class OpeningFault extends Error {
  constructor(cause: unknown) {
    super('opening a blob failed', { cause })
  }
}

function blobsOf(write: DeliveryWrite): readonly number[] {
  return write.kind === 'part' ? [write.blob] : write.blobs
}

function damagedBlob(pack: string, id: Uint8Array, reason: string, cause?: unknown): RepositoryError {
  return new RepositoryError('BLOB_DAMAGED', {
    type: 'data',
    id: Buffer.from(id).toString('hex'),
    pack: pack.slice(0, 10),
    reason,
    cause,
  })
}
