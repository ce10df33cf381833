import type { BlobCodec } from '../blob-codec.ts'
import type { BlobIndex } from '../blob-index.ts'
import type { FolderScanner } from '../content.ts'
import { TreeOpener } from './tree-opener.ts'

/** A folder to compare, with the tree that it is compared with. */
export interface TreeToScan {
  readonly folder: unknown
  /** The tree's entry in the index. */
  readonly entry: number
  readonly sealed: Uint8Array
}

/** Opens trees of a snapshot in a thread and has folders compared with them. */
export class TreeScanner implements Disposable {
  readonly #trees: TreeOpener
  readonly #scanner: FolderScanner

  constructor(codec: BlobCodec, index: BlobIndex, scanner: FolderScanner) {
    this.#trees = new TreeOpener(codec, index)
    this.#scanner = scanner
  }

  scan({ folder, entry, sealed }: TreeToScan): unknown {
    const tree = this.#trees.open(entry, sealed)
    return tree && this.#scanner.scan(folder, tree)
  }

  [Symbol.dispose](): void {
    this.#scanner[Symbol.dispose]?.()
  }
}
