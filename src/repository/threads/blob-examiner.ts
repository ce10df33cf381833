import { messageOf, throwIfBug } from '#base'
import type { BlobCodec } from '../blob-codec.ts'
import type { BlobIndex } from '../blob-index.ts'
import { BlobProver } from './blob-prover.ts'

/** Part of a pack. */
export interface PackPiece {
  /** Bytes from the start of the pack. */
  readonly offset: number
  readonly bytes: Uint8Array
}

/** Blobs of a pack that are to be copied. */
export interface VerifyOrder {
  readonly pieces: readonly PackPiece[]
  /** Entries of the index, by their offset; each lies whole in a piece. */
  readonly entries: Uint32Array
  /** Compresses blobs that are not compressed. */
  readonly compress: boolean
}

export interface Verified {
  /** The pieces again: their memory comes back. */
  readonly pieces: readonly PackPiece[]
  /** Entries that are damaged. */
  readonly damaged: readonly number[]
  /** Blobs that have been compressed, by their entry. */
  readonly compressed: ReadonlyMap<number, CompressedBlob>
}

export interface CompressedBlob {
  readonly sealed: Uint8Array
  readonly plainLength: number
}

/** Opens blobs and proves them against their ids, in a thread. */
export class BlobExaminer {
  readonly #codec: BlobCodec
  readonly #index: BlobIndex
  readonly #id = Buffer.alloc(32)
  readonly #hash = Buffer.alloc(32)
  #prover: BlobProver | undefined

  constructor(codec: BlobCodec, index: BlobIndex) {
    this.#codec = codec
    this.#index = index
  }

  /** The plain bytes, good until the next call, or what is wrong with the blob. */
  examine(entry: number, sealed: Uint8Array): Buffer | string {
    try {
      const plain = this.#codec.open(sealed, this.#index.uncompressedLengthOf(entry))
      this.#codec.primitives.hasher.sha256(plain, this.#hash, 0)
      this.#index.copyId(entry, this.#id, 0)
      return this.#hash.equals(this.#id) ? plain : 'its content is not what its id says'
    } catch (thrown) {
      throwIfBug(thrown)
      return messageOf(thrown)
    }
  }

  verify(order: VerifyOrder): Verified {
    return order.compress ? this.#verifyAndCompress(order) : this.#verify(order)
  }

  #verify({ pieces, entries }: VerifyOrder): Verified {
    const damaged: number[] = []
    const reader = new PieceReader(pieces)
    const sealedOf = (entry: number) => reader.read(this.#index.offsetOf(entry), this.#index.lengthOf(entry))
    this.#prover ??= new BlobProver(this.#codec, this.#index, this.#codec.primitives.createPairHasher())
    this.#prover.prove(entries, sealedOf, (entry) => damaged.push(entry))
    return { pieces, damaged, compressed: new Map() }
  }

  #verifyAndCompress({ pieces, entries, compress }: VerifyOrder): Verified {
    const damaged: number[] = []
    const compressed = new Map<number, CompressedBlob>()
    const reader = new PieceReader(pieces)
    for (const entry of entries) {
      const sealed = reader.read(this.#index.offsetOf(entry), this.#index.lengthOf(entry))
      const plain = this.examine(entry, sealed)
      if (typeof plain === 'string') damaged.push(entry)
      else if (compress && plain.length > 0 && this.#index.uncompressedLengthOf(entry) === 0) {
        compressed.set(entry, this.#compress(entry, plain))
      }
    }
    return { pieces, damaged, compressed }
  }

  #compress(entry: number, plain: Buffer): CompressedBlob {
    // A copy, because sealing verifies with the memory that `plain` lies in.
    const copy = Buffer.from(plain)
    const out = Buffer.allocUnsafeSlow(this.#codec.sealedBound(copy.length))
    const { length, plainLength } = this.#codec.seal(this.#index.typeOf(entry), copy, out, 0)
    return { sealed: Uint8Array.prototype.slice.call(out, 0, length), plainLength }
  }
}

/** Finds blobs in the pieces of a pack; asked for in the order of their offsets. */
export class PieceReader {
  readonly #pieces: readonly PackPiece[]
  #at = 0

  constructor(pieces: readonly PackPiece[]) {
    this.#pieces = pieces
  }

  read(offset: number, length: number): Uint8Array {
    while (this.#at < this.#pieces.length - 1 && offset >= endOf(this.#pieces[this.#at] as PackPiece)) this.#at++
    const piece = this.#pieces[this.#at] as PackPiece
    return piece.bytes.subarray(offset - piece.offset, offset - piece.offset + length)
  }
}

function endOf({ offset, bytes }: PackPiece): number {
  return offset + bytes.length
}
