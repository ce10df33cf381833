import type { Cancellable } from '#base'
import { encodeNode, encodeTree } from '#repository'
import type { ContentStore, Node, Tree, TreeNode } from '#repository'
import { ArchiverError } from './errors.ts'
import { FileBatches } from './file-batches.ts'
import type { DoneFile } from './file-batches.ts'
import { ParentFolder, unchangedFile, unchangedFolder } from './parent.ts'
import type { UnchangedRule } from './parent.ts'
import type { Problem, Source, SourceEntry, SourceFolder } from './source.ts'
import { Tally } from './tally.ts'
import type { ArchiveCounts, EntryState } from './tally.ts'

/** What the archiver needs of a repository. */
export interface ArchiveStore extends ContentStore {
  loadTree(id: Buffer, options?: Cancellable): Promise<Tree>
}

export interface ArchiveOptions extends Cancellable {
  /** The root tree of the parent snapshot: what is unchanged since then is not read again. */
  readonly parent?: Buffer | undefined
  readonly unchanged?: UnchangedRule | undefined
  /** Told of every problem as it is met. */
  readonly onProblem?: (problem: Problem) => void
  /** Told of every entry that is done, with what became of it. */
  readonly onEntry?: (event: EntryEvent) => void
  /** Told at the start how to ask which files are being read: one for each thread, at most. */
  readonly onReading?: (currentFiles: () => readonly Buffer[]) => void
}

export interface EntryEvent {
  readonly path: Buffer
  readonly kind: 'file' | 'dir' | 'other'
  readonly state: EntryState
  /** Bytes of the file. */
  readonly bytes: number
}

export interface ArchiveResult {
  /** Id of the root tree. */
  readonly tree: Buffer
  readonly counts: ArchiveCounts
  /** What could not be read: the snapshot lacks it. */
  readonly problems: readonly Problem[]
  /** Files that changed while they were read: they are in the snapshot as they were read, and marked there. */
  readonly changed: readonly Problem[]
}

/**
 * Turns a source into trees and blobs in the repository, and returns the root tree. The snapshot is not made here.
 *
 * Folders are walked depth first without recursion (a path may be thousands of folders deep). Files that may have
 * changed are collected into batches that threads store while the walk goes on; a folder is complete, and its tree
 * saved, when its last entry has its node.
 */
export async function archive(
  store: ArchiveStore,
  source: Source,
  options: ArchiveOptions = {},
): Promise<ArchiveResult> {
  const run = new ArchiveRun(store, source, options)
  options.onReading?.(() => run.currentFiles())
  const tree = await run.walk()
  return { tree, counts: run.tally.counts(store.added), problems: run.problems, changed: run.changed }
}

/** A folder on the way to its tree. */
interface OpenFolder {
  readonly folder: SourceFolder
  readonly parent: ParentFolder
  readonly isUnreadable: boolean
  /** This folder's own entry in `above`, its node in the parent, and its place there; none of them for the root. */
  readonly entry?: SourceEntry
  readonly before?: TreeNode | undefined
  readonly above?: OpenFolder
  readonly place: number
  entries: readonly SourceEntry[]
  /** Position of the next entry to walk. */
  next: number
  /** Encoded nodes in the order of the entries; undefined where an entry is left out. */
  nodes: (Buffer | undefined)[]
  /** Entries that have been met and are not done, and one for the walk itself. */
  waiting: number
}

interface PendingFile {
  readonly folder: OpenFolder
  readonly place: number
  readonly entry: SourceEntry
  /** How the file counts; 'unchanged' when only its metadata is read again. */
  readonly state: EntryState
}

class ArchiveRun {
  readonly problems: Problem[] = []
  readonly changed: Problem[] = []
  readonly tally = new Tally()
  readonly #store: ArchiveStore
  readonly #source: Source
  readonly #options: ArchiveOptions
  readonly #batches: FileBatches<PendingFile>
  #root: Buffer | undefined

  constructor(store: ArchiveStore, source: Source, options: ArchiveOptions) {
    this.#store = store
    this.#source = source
    this.#options = options
    this.#batches = new FileBatches(store, { signal: options.signal })
  }

  currentFiles(): Buffer[] {
    return this.#batches.current().map(({ entry }) => entry.path)
  }

  async walk(): Promise<Buffer> {
    const path = [await this.#open(this.#source.root, this.#options.parent)]
    while (path.length > 0) {
      this.#options.signal?.throwIfAborted()
      const current = path[path.length - 1] as OpenFolder
      if (current.next < current.entries.length) {
        const inner = await this.#meet(current, current.next++)
        if (inner) path.push(inner)
      } else {
        path.pop()
        await this.#oneLess(current)
      }
      await this.#settle(this.#batches.takeDone())
    }
    for await (const done of this.#batches.finish()) await this.#settle(done)
    return this.#root as Buffer
  }

  /** Deals with one entry; returns the folder to walk next when it is one. */
  async #meet(current: OpenFolder, place: number): Promise<OpenFolder | undefined> {
    const entry = current.entries[place] as SourceEntry
    const before = current.parent.take(entry.name)
    if (entry.folder) return await this.#meetFolder(current, place, entry, before)
    current.waiting++
    if (entry.stat.type === 'file') await this.#meetFile(current, place, entry, before)
    else await this.#meetOther(current, place, entry, before)
    return undefined
  }

  async #meetFolder(
    above: OpenFolder,
    place: number,
    entry: SourceEntry,
    before: TreeNode | undefined,
  ): Promise<OpenFolder | undefined> {
    const opened = await this.#open(entry.folder as SourceFolder, subtreeOf(before))
    if (opened.isUnreadable) return undefined // left out, and reported: unreadable is not empty
    above.waiting++
    return { ...opened, entry, above, place, before }
  }

  async #meetFile(folder: OpenFolder, place: number, entry: SourceEntry, before: TreeNode | undefined): Promise<void> {
    const known = unchangedFile(before, entry, this.#options.unchanged)
    const isUnchanged = known !== undefined && this.#store.useBlobs(known.content)
    const state = isUnchanged ? 'unchanged' : before ? 'changed' : 'new'
    const size = Number(entry.stat.size)
    if (isUnchanged && known.raw) {
      this.#countFile(entry, state, size)
      return await this.#fill(folder, place, known.raw)
    }
    const pending = { folder, place, entry, state } as const
    const { ref, stat } = entry
    if (isUnchanged) {
      const { content } = known
      await this.#batches.add({ ref, known: { content, size: stat.size, mtime: stat.mtime } }, 0, pending)
    } else await this.#batches.add({ ref }, size, pending)
  }

  async #meetOther(folder: OpenFolder, place: number, entry: SourceEntry, before: TreeNode | undefined): Promise<void> {
    const node = await this.#describe(entry)
    const encoded = node && encodeNode(node)
    const state = !before ? 'new' : encoded?.equals(before.raw) ? 'unchanged' : 'changed'
    if (encoded) this.#options.onEntry?.({ path: entry.path, kind: 'other', state, bytes: 0 })
    await this.#fill(folder, place, encoded)
  }

  async #open(folder: SourceFolder, parentTree: Buffer | undefined): Promise<OpenFolder> {
    const parent = await this.#loadParent(parentTree)
    const {
      entries,
      problems,
      unreadable: isUnreadable = false,
    } = await this.#source.list(folder, {
      signal: this.#options.signal,
    })
    this.#report(problems)
    return { folder, parent, entries, isUnreadable, next: 0, nodes: [], waiting: 1, place: 0 }
  }

  // A parent tree that cannot be loaded only costs time: everything below is read again.
  async #loadParent(id: Buffer | undefined): Promise<ParentFolder> {
    if (!id) return new ParentFolder()
    try {
      return new ParentFolder(await this.#store.loadTree(id, { signal: this.#options.signal }), id)
    } catch {
      this.#options.signal?.throwIfAborted()
      return new ParentFolder()
    }
  }

  async #fill(folder: OpenFolder, place: number, node: Buffer | undefined): Promise<void> {
    folder.nodes[place] = node
    await this.#oneLess(folder)
  }

  // A loop, not recursion: one finished file may complete thousands of folders above it.
  async #oneLess(start: OpenFolder): Promise<void> {
    let folder: OpenFolder | undefined = start
    while (folder && --folder.waiting === 0) {
      const tree = await this.#saveTree(folder)
      if (!folder.above) this.#root = tree
      else folder.above.nodes[folder.place] = await this.#folderNode(folder, tree)
      folder = folder.above
    }
  }

  async #saveTree(folder: OpenFolder): Promise<Buffer> {
    const nodes = folder.nodes.filter((node) => node !== undefined)
    if (!folder.above && nodes.length === 0) throw new ArchiverError('SNAPSHOT_EMPTY')
    folder.nodes = []
    folder.entries = []
    return await this.#store.saveTree(encodeTree(nodes), { signal: this.#options.signal })
  }

  async #folderNode({ entry, before, parent }: OpenFolder, subtree: Buffer): Promise<Buffer | undefined> {
    const { path } = entry as SourceEntry
    const state = !parent.id ? 'new' : parent.id.equals(subtree) ? 'unchanged' : 'changed'
    this.tally.folder(state)
    this.#options.onEntry?.({ path, kind: 'dir', state, bytes: 0 })
    const unchanged = unchangedFolder(before, entry as SourceEntry, subtree)
    if (unchanged) return unchanged
    const node = await this.#describe(entry as SourceEntry)
    return node && encodeNode({ ...node, subtree })
  }

  async #settle(done: readonly DoneFile<PendingFile>[]): Promise<void> {
    for (const { target, outcome } of done) {
      const { folder, place, entry, state } = target
      if (outcome.kind === 'unreadable') {
        this.#report([{ path: entry.path, error: outcome.error }])
        await this.#fill(folder, place, undefined)
        continue
      }
      this.#report(outcome.problems.map((error) => ({ path: entry.path, error })))
      if (outcome.changed) this.#noteChanged(entry)
      this.#countFile(entry, state, state === 'unchanged' ? Number(entry.stat.size) : outcome.bytes)
      await this.#fill(folder, place, outcome.node)
    }
  }

  /** The entry's node, or undefined, reported, when it is gone or cannot be read. */
  async #describe(entry: SourceEntry): Promise<Node | undefined> {
    try {
      const { node, problems } = await this.#source.describe(entry)
      this.#report(problems)
      return node
    } catch (error) {
      this.#options.signal?.throwIfAborted()
      this.#report([{ path: entry.path, error: error as Error }])
      return undefined
    }
  }

  #noteChanged({ path }: SourceEntry): void {
    const problem = { path, error: new ArchiverError('CHANGED_WHILE_READ') }
    this.changed.push(problem)
    this.#options.onProblem?.(problem)
  }

  #countFile(entry: SourceEntry, state: EntryState, bytes: number): void {
    this.tally.file(state, bytes)
    this.#options.onEntry?.({ path: entry.path, kind: 'file', state, bytes })
  }

  #report(problems: readonly Problem[]): void {
    for (const problem of problems) {
      this.problems.push(problem)
      this.#options.onProblem?.(problem)
    }
  }
}

function subtreeOf(node: TreeNode | undefined): Buffer | undefined {
  try {
    return node?.subtree
  } catch {
    return undefined // malformed: as if the parent had no such folder
  }
}
