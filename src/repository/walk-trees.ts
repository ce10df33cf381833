import { mapOrdered, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { Bitmap } from './bitmap.ts'
import { RepositoryError } from './errors.ts'
import { FormatError } from './format/errors.ts'
import { idToHex } from './format/ids.ts'
import { Tree } from './format/tree.ts'
import type { TreeNode } from './format/tree-node.ts'
import type { IndexedRepository } from './repository.ts'
import type { ProvenTree } from './threads/tree-prover.ts'
import { TreeLoader } from './tree-loader.ts'
import type { TreeThreads } from './tree-threads.ts'

/**
 * Goes through every tree below some roots, each once, however many folders and snapshots share it: a tree that is shared
 * a billion times costs what it costs once. No recursion: folders may be nested a million deep.
 */
export interface TreeVisitor {
  /**
   * An entry of a tree. `tree` is the number of the tree's (first) entry in the index. False keeps the walk from going
   * into the entry.
   */
  node(node: TreeNode, tree: number): boolean | void
  /** A tree, before its entries. The walk waits for it. */
  tree?(tree: Tree): void | Promise<void>
  /** A tree that a thread has proven, by the first entries of what it needs; instead of `tree` and `node`. */
  proven?(tree: ProvenTree): void
  /** A folder of `tree`, by the first entry of its tree. */
  folder?(subtree: number, tree: number): void
  /**
   * A tree that cannot be had or read. Default: the walk ends with the error. `parent` is the tree that names it, -1 for
   * a root. `tree` is -1 when it is in no index.
   */
  problem?(error: Error, about: About): void
}

interface About {
  readonly id: Buffer
  readonly tree: number
  readonly parent: number
}

export interface WalkTreesOptions extends Cancellable {
  readonly onProgress?: ((trees: number) => void) | undefined
  /** Trees that are not walked. The walk adds each tree that it comes to. */
  readonly seen?: Bitmap
  /** For several walks: what one has read, the next need not. */
  readonly loader?: TreeLoader
  /** Threads that prove trees. What they do not find sound is gone through here, as without them. */
  readonly threads?: TreeThreads | undefined
}

interface Waiting extends Omit<About, 'id'> {
  /** What a thread says of it, once it was asked. */
  proven?: Promise<ProvenTree | undefined>
}

/** How many trees are loaded ahead. */
const ahead = 32
/** Of the trees that come next, threads are given so many, a few dozen at a time: what they say can wait. */
const provenAhead = 96
const provenTogether = 32

/** Returns the trees that were walked, by their first entries. Throws `BLOB_NOT_FOUND`, `BLOB_DAMAGED`, `FormatError`. */
export async function walkTrees(
  repository: IndexedRepository,
  roots: Iterable<Buffer>,
  visitor: TreeVisitor,
  options: WalkTreesOptions = {},
): Promise<Bitmap> {
  const walk = new TreeWalk(repository, visitor, options)
  await walk.below(roots)
  return walk.seen
}

class TreeWalk {
  readonly seen: Bitmap
  readonly #repository: IndexedRepository
  readonly #visitor: TreeVisitor
  readonly #options: WalkTreesOptions
  readonly #loader: TreeLoader
  readonly #threads: TreeThreads | undefined
  /** The last is the next: depth first, in the order in which trees lie in their packs. */
  readonly #waiting: Waiting[] = []
  #walked = 0

  constructor(repository: IndexedRepository, visitor: TreeVisitor, options: WalkTreesOptions) {
    this.#repository = repository
    this.#visitor = visitor
    this.#options = options
    this.seen = options.seen ?? new Bitmap(repository.index.size)
    this.#threads = options.threads
    this.#loader = options.loader ?? new TreeLoader(repository)
  }

  async below(roots: Iterable<Buffer>): Promise<void> {
    for (const root of roots) this.#meet(root, -1)
    while (this.#waiting.length > 0) await this.#walkWaiting()
  }

  // The list grows while it is worked on; a round ends when it is empty, with the last trees still on their way.
  async #walkWaiting(): Promise<void> {
    const { signal, onProgress } = this.#options
    const look = async (waiting: Waiting) => ({ waiting, tree: await this.#look(waiting) })
    for await (const { waiting, tree } of mapOrdered(this.#take(), look, { concurrency: ahead, signal })) {
      if (tree instanceof Error) this.#report(tree, waiting)
      else if (tree instanceof Tree) {
        await this.#visitor.tree?.(tree)
        this.#visit(tree, waiting)
      } else this.#passOn(tree, waiting)
      onProgress?.(++this.#walked)
    }
  }

  *#take(): Iterable<Waiting> {
    for (let taken = 0; ; taken++) {
      if (this.#threads && taken % provenTogether === 0) {
        for (const next of this.#waiting.slice(-provenAhead).toReversed()) void this.#prove(next, this.#threads)
      }
      const next = this.#waiting.pop()
      if (!next) return
      yield next
    }
  }

  async #look(waiting: Waiting): Promise<ProvenTree | Tree | Error> {
    const proven = this.#threads && (await this.#prove(waiting, this.#threads))
    return proven ?? (await this.#load(waiting.tree))
  }

  #prove(waiting: Waiting, threads: TreeThreads): Promise<ProvenTree | undefined> {
    return (waiting.proven ??= threads.prove(waiting.tree, this.#options))
  }

  async #load(tree: number): Promise<Tree | Error> {
    const { signal } = this.#options
    try {
      return await this.#loader.load(tree, { signal })
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      return thrown as Error
    }
  }

  #passOn(tree: ProvenTree, { tree: parent }: Waiting): void {
    this.#visitor.proven?.(tree)
    for (const subtree of tree.subtrees) this.#enter(subtree, parent)
  }

  #visit(tree: Tree, waiting: Waiting): void {
    try {
      for (const node of tree) this.#visitNode(node, waiting)
    } catch (thrown) {
      throwIfBug(thrown)
      this.#report(thrown as Error, waiting)
    }
  }

  // One malformed entry does not hide the others, where problems are collected.
  #visitNode(node: TreeNode, waiting: Waiting): void {
    try {
      if (this.#visitor.node(node, waiting.tree) === false) return
      const { subtree } = node
      if (subtree) this.#meet(subtree, waiting.tree)
    } catch (thrown) {
      if (!(thrown instanceof FormatError)) throw thrown
      this.#report(thrown, waiting)
    }
  }

  #meet(id: Buffer, parent: number): void {
    const tree = this.#repository.index.find('tree', id)
    if (tree < 0) {
      const error = new RepositoryError('BLOB_NOT_FOUND', { type: 'tree', id: idToHex(id) })
      return this.#problem(error, { id, tree, parent })
    }
    this.#enter(tree, parent)
  }

  #enter(tree: number, parent: number): void {
    if (parent >= 0) this.#visitor.folder?.(tree, parent)
    if (this.seen.add(tree)) this.#waiting.push({ tree, parent })
  }

  #report(error: Error, waiting: Waiting): void {
    this.#problem(error, { ...waiting, id: this.#repository.index.idOf(waiting.tree) })
  }

  #problem(error: Error, about: About): void {
    if (!this.#visitor.problem) throw error
    this.#visitor.problem(error, about)
  }
}
