import { throwIfBug } from '#base'
import type { BlobCodec } from '../blob-codec.ts'
import type { BlobIndex } from '../blob-index.ts'
import { openTree } from '../format/tree.ts'
import type { Tree } from '../format/tree.ts'

/** Opens trees in a thread. */
export class TreeOpener {
  readonly #codec: BlobCodec
  readonly #index: BlobIndex
  readonly #hash = Buffer.alloc(32)
  readonly #id = Buffer.alloc(32)

  constructor(codec: BlobCodec, index: BlobIndex) {
    this.#codec = codec
    this.#index = index
  }

  /** The tree of an entry of the index, good until the next call; undefined when it is not what the index says. */
  open(entry: number, sealed: Uint8Array): Tree | undefined {
    try {
      const plain = this.#codec.open(sealed, this.#index.uncompressedLengthOf(entry))
      this.#codec.primitives.hasher.sha256(plain, this.#hash, 0)
      this.#index.copyId(entry, this.#id, 0)
      return this.#hash.equals(this.#id) ? openTree(plain) : undefined
    } catch (thrown) {
      throwIfBug(thrown)
      return undefined // the main thread reads it again, and says what is wrong
    }
  }
}
