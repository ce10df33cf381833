import { throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { Bitmap } from './bitmap.ts'
import type { TreeNode } from './format/tree-node.ts'
import { encodeTree, openTree } from './format/tree.ts'
import type { Tree, TreeReader } from './format/tree.ts'
import type { IndexedRepository } from './repository.ts'
import { TreeLoader } from './tree-loader.ts'

/**
 * Looks for entries in one snapshot after the other. What a tree holds never changes, so each is gone through once however
 * many folders and snapshots share it: where nothing was found, nothing will be; and of the others only the entries that
 * matter are kept in memory, as far as that goes.
 */

/** What is looked for. `State` is what the way down to a folder has to do with it: how much of a pattern has matched. */
export interface Sought<State> {
  /** Whether this entry is one, and the state inside of a folder; without one the folder is not entered. */
  readonly look: (node: TreeNode, state: State) => Look<State>
  /** The same text for states that make no difference. */
  readonly keyOf: (state: State) => string
}

export interface Look<State> {
  readonly found: boolean
  readonly inside?: State | undefined
}

export interface SearchOptions extends Cancellable {
  /** `path` begins with a slash; `tree` is the id of the folder's tree. */
  readonly onFound: (path: Buffer, node: TreeNode, tree: Buffer) => void
  /** A folder that cannot be read: the search goes on without it. */
  readonly onProblem: (error: Error, tree: Buffer) => void
}

/** Bytes of entries that are kept. */
const mostKept = 64 << 20
/** Ways down that are told apart. More come from hardly any patterns. */
const mostStates = 64

export class TreeSearch<State> {
  readonly #repository: IndexedRepository
  readonly #sought: Sought<State>
  readonly #loader: TreeLoader
  /** For each state the trees that hold nothing, by their entries in the index. */
  readonly #barren = new Map<string, Bitmap>()
  /** Trees with only what was found and what leads to it. */
  readonly #thinned = new Map<string, Tree>()
  #kept = 0

  constructor(repository: IndexedRepository, sought: Sought<State>) {
    this.#repository = repository
    this.#sought = sought
    this.#loader = new TreeLoader(repository)
  }

  /** Searches below a root tree, depth first, folders before what they hold. No recursion: folders may be nested a million deep. */
  async run(root: Buffer, state: State, options: SearchOptions): Promise<void> {
    const { signal, onProblem } = options
    const folders = await this.#enter({ path: Buffer.alloc(0), id: root, state }, options)
    for (let folder = folders.at(-1); folder; folder = folders.at(-1)) {
      signal?.throwIfAborted()
      try {
        const next = this.#step(folder, options)
        if (next === null) this.#leave(folders.pop() as Folder<State>, folders.at(-1))
        else if (next) folders.push(...(await this.#enter(next, options, folder)))
      } catch (thrown) {
        signal?.throwIfAborted()
        throwIfBug(thrown)
        folder.isWhole = false
        onProblem(thrown as Error, folder.id)
        this.#leave(folders.pop() as Folder<State>, folders.at(-1))
      }
    }
  }

  /** The folder, opened; nothing when it has nothing in it or cannot be read. */
  async #enter(
    place: Place<State>,
    { signal, onProblem }: SearchOptions,
    above?: Folder<State>,
  ): Promise<Folder<State>[]> {
    const entry = this.#repository.index.find('tree', place.id)
    const key = this.#sought.keyOf(place.state)
    if (entry >= 0 && this.#barren.get(key)?.has(entry)) return []
    try {
      const tree = this.#thinned.get(`${entry}:${key}`) ?? (await this.#loader.loadById(place.id, { signal }))
      const nodes = tree[Symbol.iterator]()
      return [{ ...place, entry, key, nodes, kept: [], isWhole: true }]
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      if (above) above.isWhole = false
      onProblem(thrown as Error, place.id)
      return []
    }
  }

  /** Looks at the next entry. Null at the end of the folder, a place when the entry is to be entered. */
  #step(folder: Folder<State>, { onFound }: SearchOptions): Place<State> | null | undefined {
    const node = folder.nodes.read()
    if (!node) return null
    const { found, inside } = this.#sought.look(node, folder.state)
    const { subtree } = node
    const enters = subtree !== undefined && inside !== undefined
    if (!found && !enters) return undefined
    const path = Buffer.concat([folder.path, slash, node.name])
    if (found) {
      folder.kept.push(node.raw)
      onFound(path, node, folder.id)
    }
    return enters ? { path, id: subtree, state: inside, ...(!found && { leading: node }) } : undefined
  }

  #leave(folder: Folder<State>, above: Folder<State> | undefined): void {
    if (above && !folder.isWhole) above.isWhole = false
    if (above && folder.leading && folder.kept.length > 0) above.kept.push(folder.leading.raw)
    if (folder.isWhole && folder.entry >= 0) this.#remember(folder)
  }

  #remember({ entry, key, kept }: Folder<State>): void {
    if (kept.length === 0) return void this.#barrenOf(key)?.add(entry)
    const name = `${entry}:${key}`
    const size = kept.reduce((sum, { length }) => sum + length, 0)
    if (this.#thinned.has(name) || this.#kept + size > mostKept) return
    this.#kept += size
    this.#thinned.set(name, openTree(encodeTree(kept)))
  }

  #barrenOf(key: string): Bitmap | undefined {
    const known = this.#barren.get(key)
    if (known || this.#barren.size >= mostStates) return known
    const fresh = new Bitmap(this.#repository.index.size)
    this.#barren.set(key, fresh)
    return fresh
  }
}

interface Place<State> {
  readonly path: Buffer
  readonly id: Buffer
  readonly state: State
  /** The folder's own entry, when it matters only for what may be in the folder. */
  readonly leading?: TreeNode
}

interface Folder<State> extends Place<State> {
  /** Of the tree, in the index. */
  readonly entry: number
  readonly key: string
  readonly nodes: TreeReader
  /** Entries that matter, as they stand in the tree. */
  readonly kept: Buffer[]
  /** False when something in it could not be read: then it is not remembered, so that every snapshot tells of it. */
  isWhole: boolean
}

const slash = Buffer.from('/')
