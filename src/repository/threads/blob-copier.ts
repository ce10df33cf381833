import type { BlobCodec } from '../blob-codec.ts'
import type { BlobIndex } from '../blob-index.ts'
import { BlobExaminer, PieceReader } from './blob-examiner.ts'
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

/** Opens blobs of another repository, proves them against their ids, and stores them as this one stores blobs. In a thread. */
export class BlobCopier {
  readonly #index: BlobIndex
  readonly #examiner: BlobExaminer
  readonly #packer: SharedPacker
  readonly #id = Buffer.alloc(32)

  /** `codec` and `index` are the other repository's. */
  constructor(codec: BlobCodec, index: BlobIndex, packer: SharedPacker) {
    this.#index = index
    this.#examiner = new BlobExaminer(codec, index)
    this.#packer = packer
  }

  copy({ piece, entries }: CopyOrder): CopiedBlobs {
    const damaged: number[] = []
    const added = { blobs: 0, bytes: 0, storedBytes: 0 }
    const reader = new PieceReader([piece])
    for (const entry of entries) {
      const sealed = reader.read(this.#index.offsetOf(entry), this.#index.lengthOf(entry))
      const plain = this.#examiner.examine(entry, sealed)
      if (typeof plain === 'string') {
        damaged.push(entry)
        continue
      }
      this.#index.copyId(entry, this.#id, 0)
      const { known, stored } = this.#packer.save('data', plain, this.#id, 0)
      if (known) continue
      added.blobs++
      added.bytes += plain.length
      added.storedBytes += stored
    }
    return { damaged, added }
  }
}
