import { throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { RepositoryError } from '../errors.ts'
import { idToHex } from '../format/ids.ts'
import type { TreeNode } from '../format/tree-node.ts'
import { compareNames } from '../format/tree.ts'
import type { Tree, TreeReader } from '../format/tree.ts'
import type { IndexedRepository } from '../repository.ts'
import { TreeLoader } from '../tree-loader.ts'
import { walkTrees } from '../walk-trees.ts'
import { BlobSet, countOnlyIn, haveDifference } from './blob-sets.ts'
import type { BlobCounts } from './blob-sets.ts'
import { isSameNode } from './same-node.ts'

/**
 * What differs from one tree to another, told as restic tells it (restic: cmd/restic/cmd_diff.go). The modifiers: `+` is new,
 * `-` is gone, `M` has other content, `U` other metadata, `T` another type; `M?` has other content and the same metadata,
 * which may be a fault of the disk. Folders of equal id are passed over.
 */
export interface DiffOptions extends Cancellable {
  /** Tell of metadata that differs too. */
  readonly metadata?: boolean
  /** `path` begins with a slash and ends with one for a folder. */
  readonly onChange: (path: Buffer, modifier: string) => void
  /** A folder that cannot be read, or a blob that is in no index: the comparison goes on without it. */
  readonly onProblem: (error: Error) => void
}

export interface DiffCounts extends BlobCounts {
  readonly files: number
  readonly dirs: number
  /** Symlinks, devices, … */
  readonly others: number
}

export interface TreeDiff {
  readonly changedFiles: number
  readonly added: DiffCounts
  readonly removed: DiffCounts
}

/** Compares two trees. Throws `BLOB_NOT_FOUND`, `BLOB_DAMAGED` when one of them itself cannot be read. */
export async function diffTrees(
  repository: IndexedRepository,
  { before, after }: { readonly before: Buffer; readonly after: Buffer },
  options: DiffOptions,
): Promise<TreeDiff> {
  return await new Comparison(repository, options).compare(before, after)
}

/** Entries of one kind of change. */
class EntryCounts {
  files = 0
  dirs = 0
  others = 0

  add({ type }: TreeNode): void {
    if (type === 'file') this.files++
    else if (type === 'dir') this.dirs++
    else this.others++
  }

  get counts(): Pick<EntryCounts, 'files' | 'dirs' | 'others'> {
    const { files, dirs, others } = this
    return { files, dirs, others }
  }
}

type Side = 'before' | 'after'

/** A folder that is being gone through: on both sides, or all of it new or gone. `path` ends with a slash. */
interface Folder {
  readonly path: Buffer
  readonly before?: Cursor
  readonly after?: Cursor
}

/** The entries of one name. */
interface Pair {
  readonly before: TreeNode | null
  readonly after: TreeNode | null
}

class Comparison {
  readonly #repository: IndexedRepository
  readonly #options: DiffOptions
  readonly #loader: TreeLoader
  readonly #blobs: Readonly<Record<Side, BlobSet>>
  readonly #entries = { before: new EntryCounts(), after: new EntryCounts() }
  /** Trees that are the same on both sides. */
  readonly #unchanged: Buffer[] = []
  #changedFiles = 0
  /** The last is the one that is gone through. No recursion: folders may be nested a million deep. */
  readonly #folders: Folder[] = []

  constructor(repository: IndexedRepository, options: DiffOptions) {
    this.#repository = repository
    this.#options = options
    this.#loader = new TreeLoader(repository)
    this.#blobs = { before: new BlobSet(repository.index), after: new BlobSet(repository.index) }
  }

  async compare(before: Buffer, after: Buffer): Promise<TreeDiff> {
    this.#blobs.before.add('tree', before)
    this.#blobs.after.add('tree', after)
    if (before.equals(after)) return this.#count([])
    this.#folders.push({ path: Buffer.from('/'), before: await this.#open(before), after: await this.#open(after) })
    for (let folder = this.#folders.at(-1); folder; folder = this.#folders.at(-1)) await this.#step(folder)
    return this.#count(await this.#collectUnchanged())
  }

  // One malformed folder or entry does not keep the others from being compared.
  async #step(folder: Folder): Promise<void> {
    this.#options.signal?.throwIfAborted()
    try {
      const pair = nextPair(folder)
      if (pair.before || pair.after) return await this.#compareEntries(folder, pair)
    } catch (thrown) {
      this.#tell(thrown)
    }
    this.#folders.pop()
  }

  async #compareEntries(folder: Folder, { before, after }: Pair): Promise<void> {
    try {
      if (before) this.#addBlobs('before', before)
      if (after) this.#addBlobs('after', after)
      if (before && after) await this.#compareNodes(folder, before, after)
      else if (before) await this.#oneSided(folder, 'before', before)
      else if (after) await this.#oneSided(folder, 'after', after)
    } catch (thrown) {
      this.#tell(thrown)
    }
  }

  #tell(thrown: unknown): void {
    this.#options.signal?.throwIfAborted()
    throwIfBug(thrown)
    this.#options.onProblem(thrown as Error)
  }

  async #compareNodes({ path }: Folder, one: TreeNode, other: TreeNode): Promise<void> {
    const inside = pathOf(path, other)
    const modifier = this.#modifierOf(one, other)
    if (modifier !== '') this.#options.onChange(inside, modifier)
    if (one.type !== 'dir' || other.type !== 'dir') return
    const [before, after] = [subtreeOf(one), subtreeOf(other)]
    if (before.equals(after)) this.#unchanged.push(before)
    else this.#folders.push({ path: inside, before: await this.#open(before), after: await this.#open(after) })
  }

  #modifierOf(one: TreeNode, other: TreeNode): string {
    const type = one.type === other.type ? '' : 'T'
    if (one.type === 'file' && other.type === 'file' && !isSameContent(one, other)) {
      this.#changedFiles++
      return isSameNode(one, other, { content: false }) ? 'M?' : 'M'
    }
    return this.#options.metadata === true && !isSameNode(one, other) ? `${type}U` : type
  }

  async #oneSided({ path }: Folder, side: Side, node: TreeNode): Promise<void> {
    const inside = pathOf(path, node)
    this.#options.onChange(inside, side === 'before' ? '-' : '+')
    this.#entries[side].add(node)
    if (node.type === 'dir') this.#folders.push({ path: inside, [side]: await this.#open(subtreeOf(node)) })
  }

  #addBlobs(side: Side, { type, content, subtree }: TreeNode): void {
    if (type === 'file' && content) this.#blobs[side].addContent(content)
    if (type === 'dir' && subtree) this.#blobs[side].add('tree', subtree)
  }

  async #open(id: Buffer): Promise<Cursor> {
    const { signal } = this.#options
    return new Cursor(await this.#loader.loadById(id, { signal }))
  }

  /** A blob is neither new nor gone when a folder that did not change has it too. */
  async #collectUnchanged(): Promise<BlobSet[]> {
    const { before, after } = this.#blobs
    if (!haveDifference(before, after)) return []
    const common = new BlobSet(this.#repository.index)
    const { signal, onProblem } = this.#options
    const node = ({ type, content }: TreeNode) => {
      if (type === 'file' && content) common.addContent(content)
    }
    const options = { signal, seen: common.known }
    await walkTrees(this.#repository, this.#unchanged, { node, problem: onProblem }, options)
    return [common]
  }

  #count(common: readonly BlobSet[]): TreeDiff {
    const { index } = this.#repository
    const onMissing = (type: string, id: string) =>
      this.#options.onProblem(new RepositoryError('BLOB_NOT_FOUND', { type, id }))
    const { before, after } = this.#blobs
    return {
      changedFiles: this.#changedFiles,
      added: { ...this.#entries.after.counts, ...countOnlyIn(after, [before, ...common], { index, onMissing }) },
      removed: { ...this.#entries.before.counts, ...countOnlyIn(before, [after, ...common], { index, onMissing }) },
    }
  }
}

/** Goes through a tree, one look ahead. */
class Cursor {
  readonly #nodes: TreeReader
  #ahead: TreeNode | null | undefined

  constructor(tree: Tree) {
    this.#nodes = tree[Symbol.iterator]()
  }

  /** The entry that comes next; null after the last. */
  get head(): TreeNode | null {
    if (this.#ahead === undefined) this.#ahead = this.#nodes.read()
    return this.#ahead
  }

  advance(): void {
    if (this.#ahead !== null) this.#ahead = undefined
  }
}

function nextPair({ before, after }: Folder): Pair {
  const [one, other] = [before?.head ?? null, after?.head ?? null]
  const order = one && other ? compareNames(one.name, other.name) : 0
  const pair = { before: order > 0 ? null : one, after: order < 0 ? null : other }
  if (pair.before) before?.advance()
  if (pair.after) after?.advance()
  return pair
}

const slash = Buffer.from('/')

function pathOf(folder: Buffer, { name, type }: TreeNode): Buffer {
  return Buffer.concat(type === 'dir' ? [folder, name, slash] : [folder, name])
}

function isSameContent({ content: a }: TreeNode, { content: b }: TreeNode): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}

function subtreeOf(node: TreeNode): Buffer {
  const { subtree } = node
  if (subtree) return subtree
  throw node.problem() ?? new RepositoryError('BLOB_NOT_FOUND', { type: 'tree', id: idToHex(node.name) })
}
