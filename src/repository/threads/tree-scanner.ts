import { throwIfBug } from '#base'
import type { BlobCodec } from '../blob-codec.ts'
import type { BlobIndex } from '../blob-index.ts'
import type { FolderScanner } from '../content.ts'
import { openTree } from '../format/tree.ts'

/** A folder to compare, with the tree that it is compared with. */
export interface TreeToScan {
  readonly folder: unknown
  /** The tree's entry in the index. */
  readonly entry: number
  readonly sealed: Uint8Array
}

/** Opens trees of the parent snapshot in a thread and has folders compared with them. */
export class TreeScanner {
  readonly #codec: BlobCodec
  readonly #index: BlobIndex
  readonly #scanner: FolderScanner
  readonly #hash = Buffer.alloc(32)
  readonly #id = Buffer.alloc(32)

  constructor(codec: BlobCodec, index: BlobIndex, scanner: FolderScanner) {
    this.#codec = codec
    this.#index = index
    this.#scanner = scanner
  }

  scan({ folder, entry, sealed }: TreeToScan): unknown {
    const bytes = this.#open(entry, sealed)
    return bytes && this.#scanner.scan(folder, openTree(bytes))
  }

  /** The tree's bytes, good until the next call; undefined when they are not what the index says. */
  #open(entry: number, sealed: Uint8Array): Buffer | undefined {
    try {
      const plain = this.#codec.open(sealed, this.#index.uncompressedLengthOf(entry))
      this.#codec.primitives.hasher.sha256(plain, this.#hash, 0)
      this.#index.copyId(entry, this.#id, 0)
      return this.#hash.equals(this.#id) ? plain : undefined
    } catch (thrown) {
      throwIfBug(thrown)
      return undefined // the main thread reads it again, and says what is wrong
    }
  }
}
