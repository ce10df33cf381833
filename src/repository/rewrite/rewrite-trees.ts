import { hasCode } from '#base'
import type { Cancellable } from '#base'
import { RepositoryError } from '../errors.ts'
import { TreeEdit, emptyTree, withSubtree } from '../format/edit-tree.ts'
import { FormatError } from '../format/errors.ts'
import type { Tree, TreeReader } from '../format/tree.ts'
import type { TreeNode } from '../format/tree-node.ts'
import type { IndexedRepository } from '../repository.ts'
import { TreeLoader } from '../tree-loader.ts'
import { TreeResults } from './tree-results.ts'
import type { TreeResult } from './tree-results.ts'

/** What becomes of an entry: a folder that is entered is kept with what is left in it. */
export type EntryFate<State> =
  | 'keep'
  | 'drop'
  | { readonly enter: State }
  /** Encoded. */
  | { readonly replaceBy: Buffer; readonly size: bigint }

/** Where the rewriting is. */
export interface Place {
  /** Raw bytes from the root, starting with a slash. */
  path(): Buffer
}

/**
 * What a rewriting does. A state goes down the folders with it; trees with the same key of their state become the same,
 * so each is rewritten once, however many folders and snapshots share it.
 */
export interface RewriteRules<State> {
  readonly root: State
  keyOf(state: State): string
  /** May be asked again about the same entry, and must then give the same. */
  entry(node: TreeNode, state: State, place: Place): EntryFate<State>
  /** Whether a folder stays that has no entries, or none left. Default: it stays. */
  keepsEmpty?(state: State): boolean
  /**
   * Told of a tree that cannot be had, or only in part: what can be read of it stays. Default: the rewriting ends with
   * the error. `id` is missing where an entry names no tree.
   */
  broken?(error: Error, place: Place, id: Buffer | undefined): void
}

export interface TreeRewriterOptions {
  /** Stores a changed tree; returns its id. */
  readonly save: (bytes: Buffer) => Promise<Buffer>
  /** Results of the same rules: what did not change is not gone through again. */
  readonly known?: TreeResults | undefined
  /** Deeper folders are refused: each costs memory as long as the rewriting is in it. Default: 65,536. */
  readonly deepest?: number | undefined
}

const defaultDeepest = 65_536

const slash = Buffer.from('/')
/** Errors that are about one tree. Any other says that the storage is out of order, and ends the rewriting. */
const brokenCodes = ['BLOB_NOT_FOUND', 'BLOB_DAMAGED', 'FILE_NOT_FOUND', 'FILE_TOO_SHORT']

/** Makes new trees of old ones by rules. No recursion; only the folders on the way down are in memory. */
export class TreeRewriter<State> {
  readonly results = new TreeResults()
  readonly #repository: IndexedRepository
  readonly #rules: RewriteRules<State>
  readonly #options: TreeRewriterOptions
  readonly #loader: TreeLoader
  readonly #stack: Frame<State>[] = []

  constructor(repository: IndexedRepository, rules: RewriteRules<State>, options: TreeRewriterOptions) {
    this.#repository = repository
    this.#rules = rules
    this.#options = options
    this.#loader = new TreeLoader(repository)
  }

  /** Rewrites what is below a root. Throws `TREE_TOO_DEEP`, `BLOB_NOT_FOUND`, `BLOB_DAMAGED`, `FormatError`. */
  async rewrite(root: Buffer, { signal }: Cancellable = {}): Promise<TreeResult> {
    this.#stack.length = 0
    const first =
      this.#remembered(root, this.#rules.root) ?? (await this.#open(root, undefined, this.#rules.root, { signal }))
    if (first) return first
    for (;;) {
      const frame = this.#stack[this.#stack.length - 1] as Frame<State>
      const result = await this.#goOn(frame, { signal })
      if (!result) continue
      this.#stack.pop()
      const parent = this.#stack.at(-1)
      if (!parent) return result
      parent.take(result)
    }
  }

  /** Works on a folder until it is done, or a folder in it must be gone through first. */
  async #goOn(frame: Frame<State>, options: Cancellable): Promise<TreeResult | undefined> {
    for (;;) {
      const node = this.#next(frame)
      if (node === null) return await this.#finish(frame)
      const fate = this.#rules.entry(node, frame.state, this.#place(node.name))
      if (typeof fate === 'string' || 'replaceBy' in fate) {
        frame.apply(node, fate)
        continue
      }
      const result = await this.#descend(frame, node, fate.enter, options)
      if (!result) return undefined
      frame.take(result)
    }
  }

  async #descend(
    frame: Frame<State>,
    node: TreeNode,
    state: State,
    options: Cancellable,
  ): Promise<TreeResult | undefined> {
    options.signal?.throwIfAborted()
    const id = this.#subtreeOf(node)
    frame.pending = node
    if (id) return this.#remembered(id, state) ?? (await this.#open(id, node, state, options))
    return await this.#replaceBroken(true)
  }

  /** The tree of a folder; undefined, once that is told, when the entry names none. */
  #subtreeOf(node: TreeNode): Buffer | undefined {
    let error: FormatError
    try {
      const { subtree } = node
      if (subtree) return subtree
      error = new FormatError('FIELD_INVALID', { what: 'entry of a tree', field: 'subtree', reason: 'is missing' })
    } catch (thrown) {
      if (!(thrown instanceof FormatError)) throw thrown
      error = thrown
    }
    if (!this.#rules.broken) throw error
    this.#rules.broken(error, this.#place(node.name), undefined)
    return undefined
  }

  #remembered(id: Buffer, state: State): TreeResult | undefined {
    const tree = this.#repository.index.find('tree', id)
    if (tree < 0) return undefined
    const key = this.#rules.keyOf(state)
    const known = this.#options.known?.get(key, tree, id)
    // What has changed must be stored once more, by this rewriter.
    return known && (!known.isChanged || !known.id) ? known : this.results.get(key, tree, id)
  }

  /** Begins with a tree. Gives a result at once when the tree is broken. */
  async #open(
    id: Buffer,
    node: TreeNode | undefined,
    state: State,
    { signal }: Cancellable,
  ): Promise<TreeResult | undefined> {
    const { deepest = defaultDeepest } = this.#options
    if (this.#stack.length >= deepest) throw new RepositoryError('TREE_TOO_DEEP', { depth: deepest })
    try {
      const tree = await this.#loader.loadById(id, { signal })
      this.#stack.push(new Frame(id, node?.name, state, tree))
      return undefined
    } catch (thrown) {
      signal?.throwIfAborted()
      if (!this.#rules.broken || !isBroken(thrown)) throw thrown
      this.#rules.broken(thrown as Error, this.#place(node?.name), id)
      return await this.#replaceBroken(node !== undefined)
    }
  }

  /** An empty folder takes the place of a broken one; nothing takes that of a root. */
  async #replaceBroken(isFolder: boolean): Promise<TreeResult> {
    const id = isFolder ? await this.#options.save(emptyTree) : undefined
    return { id, isChanged: true, files: 0, bytes: 0, entries: 0 }
  }

  /** The next node; null at the end, or where the rest cannot be read. */
  #next(frame: Frame<State>): TreeNode | null {
    try {
      return frame.read()
    } catch (thrown) {
      if (!this.#rules.broken || !(thrown instanceof FormatError)) throw thrown
      this.#rules.broken(thrown, this.#place(), frame.id)
      frame.isCut = true
      return null
    }
  }

  async #finish(frame: Frame<State>): Promise<TreeResult> {
    const { id, state, isCut, edit, count, files, bytes, entries } = frame
    const isGone = count === 0 && this.#rules.keepsEmpty?.(state) === false
    const isChanged = isGone || isCut || edit.isChanged
    const made = isGone ? undefined : isChanged ? await this.#options.save(edit.finish({ isCut })) : id
    const result = { id: made, isChanged, files, bytes, entries }
    const tree = this.#repository.index.find('tree', id)
    if (tree >= 0) this.results.set(this.#rules.keyOf(state), tree, result)
    return result
  }

  #place(name?: Buffer): Place {
    const stack = this.#stack
    return {
      path: () => {
        const names = [...stack.flatMap((frame) => frame.name ?? []), ...(name ? [name] : [])]
        return names.length === 0 ? slash : Buffer.concat(names.flatMap((part) => [slash, part]))
      },
    }
  }
}

function isBroken(thrown: unknown): boolean {
  return thrown instanceof FormatError || brokenCodes.some((code) => hasCode(thrown, code))
}

/** A folder on the way down. */
class Frame<State> {
  readonly id: Buffer
  /** Undefined for the root. */
  readonly name: Buffer | undefined
  readonly state: State
  readonly edit: TreeEdit
  /** Entries that are left. */
  count = 0
  files = 0
  bytes = 0
  entries = 0
  isCut = false
  /** The folder that is gone through now. */
  pending: TreeNode | undefined
  readonly #tree: Tree
  #reader: TreeReader | undefined

  constructor(id: Buffer, name: Buffer | undefined, state: State, tree: Tree) {
    this.id = id
    this.name = name
    this.state = state
    this.edit = new TreeEdit(tree.bytes)
    this.#tree = tree
  }

  read(): TreeNode | null {
    this.#reader ??= this.#tree[Symbol.iterator]()
    return this.#reader.read()
  }

  apply(node: TreeNode, fate: Exclude<EntryFate<State>, { readonly enter: State }>): void {
    if (fate === 'drop') return this.edit.drop(node)
    this.count++
    if (fate === 'keep') this.edit.keep(node)
    else this.edit.replace(node, fate.replaceBy)
    const { type } = node
    if (type === 'dir') return
    this.entries++
    if (type !== 'file') return
    this.files++
    this.bytes += Number(fate === 'keep' ? node.size : fate.size)
  }

  /** What has become of the pending folder. */
  take({ id, isChanged, files, bytes, entries }: TreeResult): void {
    const node = this.pending as TreeNode
    this.pending = undefined
    if (!id) return this.edit.drop(node)
    this.count++
    this.files += files
    this.bytes += bytes
    this.entries += entries
    if (isChanged) this.edit.replace(node, withSubtree(node, id))
    else this.edit.keep(node)
  }
}
