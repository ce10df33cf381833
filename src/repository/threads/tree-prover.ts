import { throwIfBug } from '#base'
import type { BlobIndex } from '../blob-index.ts'
import { Bitmap } from '../bitmap.ts'
import { measureContent } from '../check/measure-content.ts'
import { idLength } from '../format/ids.ts'
import type { Tree } from '../format/tree.ts'
import type { TreeNode } from '../format/tree-node.ts'
import type { TreeOpener } from './tree-opener.ts'

/**
 * What is asked of trees. `use`: which blobs they need. `check`: whether there is anything to object to in them.
 * Only of trees that are sound in every respect is anything told; the others are for the main thread, which says what is wrong.
 */
export type TreePurpose = 'use' | 'check'

export interface ProveTreesOrder {
  readonly purpose: TreePurpose
  /** Entries of the index. */
  readonly entries: Uint32Array
  /** Their sealed bytes, one after the other. */
  readonly sealed: Uint8Array
}

/** What a tree that is sound needs, by first entries in the index. */
export interface ProvenTree {
  /** In the order of its nodes. */
  readonly subtrees: Uint32Array
  /** For `use`: data blobs. What this thread has told before may be left out. */
  readonly data: Uint32Array
}

/** In place of the number of subtrees, where a tree is not sound. */
const unsound = 0xffff_ffff

/** Opens trees and goes through them, in a thread, while nobody adds to the index. */
export class TreeProver {
  readonly #index: BlobIndex
  readonly #trees: TreeOpener
  /** Data blobs that were told, by their first entries. */
  readonly #told: Bitmap
  #subtrees: number[] = []
  #data: number[] = []

  constructor(trees: TreeOpener, index: BlobIndex) {
    this.#trees = trees
    this.#index = index
    this.#told = new Bitmap(index.size)
  }

  /** For each tree the numbers of its subtrees and data blobs, and then these: read by `readProvenTrees`. */
  prove({ purpose, entries, sealed }: ProveTreesOrder): Uint32Array<ArrayBuffer> {
    const proven: number[] = []
    let at = 0
    for (const entry of entries) {
      const end = at + this.#index.lengthOf(entry)
      const tree = this.#trees.open(entry, sealed.subarray(at, end))
      if (tree && this.#isSound(tree, purpose)) this.#tell(proven)
      else proven.push(unsound, 0)
      at = end
    }
    return Uint32Array.from(proven)
  }

  #isSound(tree: Tree, purpose: TreePurpose): boolean {
    this.#subtrees = []
    this.#data = []
    const take = purpose === 'use' ? this.#use : this.#check
    try {
      for (const node of tree) if (!take(node) || !this.#takeSubtree(node)) return false
      return true
    } catch (thrown) {
      throwIfBug(thrown)
      return false
    }
  }

  #tell(proven: number[]): void {
    const data = this.#data.filter((blob) => this.#told.add(blob))
    proven.push(this.#subtrees.length, data.length)
    for (const entry of this.#subtrees) proven.push(entry)
    for (const entry of data) proven.push(entry)
  }

  readonly #use = ({ content }: TreeNode): boolean => {
    if (content === null) return true
    for (let at = 0; at < content.length; at += idLength) {
      const entry = this.#index.find('data', content, at)
      if (entry < 0) return false
      this.#data.push(entry)
    }
    return true
  }

  readonly #check = (node: TreeNode): boolean => {
    if (node.problem()) return false
    const { content } = node
    if (content === null) return true
    const { missing, length } = measureContent(this.#index, content)
    return missing === 0 && BigInt(length) === node.size
  }

  #takeSubtree({ subtree }: TreeNode): boolean {
    if (!subtree) return true
    const entry = this.#index.find('tree', subtree)
    if (entry >= 0) this.#subtrees.push(entry)
    return entry >= 0
  }
}

/** What `TreeProver.prove` has found, tree by tree; undefined for one that is not sound. */
export function* readProvenTrees(proven: Uint32Array): Iterable<ProvenTree | undefined> {
  for (let at = 0; at < proven.length;) {
    const [subtrees, data] = [proven[at] as number, proven[at + 1] as number]
    at += 2
    if (subtrees === unsound) yield undefined
    else {
      const between = at + subtrees
      const end = between + data
      yield { subtrees: proven.subarray(at, between), data: proven.subarray(between, end) }
      at = end
    }
  }
}
