import type { Cancellable } from '#base'
import { encodeNode } from '#repository'
import type { ContentStore, Node, Tree, TreeNode } from '#repository'
import { ArchiverError } from './errors.ts'
import { changedTree, sameNode, treeOf } from './folder-tree.ts'
import type { FolderNodes } from './folder-tree.ts'
import { FileBatches } from './file-batches.ts'
import type { DoneFile } from './file-batches.ts'
import { ParentFolder, knownContent, sameContent, sameFolder, sameMetadata, subtreeOf } from './parent.ts'
import type { UnchangedRule } from './parent.ts'
import { ScanAhead } from './scan-ahead.ts'
import type { ExpectedFolder } from './scan-ahead.ts'
import type { ScannedFolder } from './scan-folder.ts'
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
  /**
   * Told of files that are unchanged, by their number. Who gives this is content not to hear of each of them: then folders
   * in which nothing has changed are found out by threads, several times as fast.
   */
  readonly onUnchanged?: (files: number, bytes: number) => void
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
interface OpenFolder extends FolderNodes {
  readonly folder: SourceFolder
  readonly parent: ParentFolder
  /** Set when threads have found that the folder's own entries are as they were: then `entries` are the folders in it. */
  readonly scanned?: ScannedFolder | undefined
  readonly isUnreadable: boolean
  /** This folder's own entry in `above`, its node in the parent, and its place there; none of them for the root. */
  readonly entry?: SourceEntry
  readonly before?: TreeNode | undefined
  readonly above?: OpenFolder
  readonly place: number
  /** Position of the next entry to walk. */
  next: number
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
  readonly #ahead: ScanAhead | undefined
  #root: Buffer | undefined

  constructor(store: ArchiveStore, source: Source, options: ArchiveOptions) {
    this.#store = store
    this.#source = source
    this.#options = options
    this.#batches = new FileBatches(store, { signal: options.signal })
    if (options.parent && source.lister && options.onUnchanged) {
      this.#ahead = new ScanAhead(store, source.lister, { signal: options.signal })
    }
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
    if (current.scanned) return await this.#meetFolder(current, place, entry, current.scanned.folders[place]?.subtree)
    const before = current.parent.take(entry.name)
    if (entry.folder) return await this.#meetFolder(current, place, entry, subtreeOf(before), before)
    current.waiting++
    if (entry.stat.type === 'file') await this.#meetFile(current, place, entry, before)
    else await this.#meetOther(current, place, entry, before)
    return undefined
  }

  async #meetFolder(
    above: OpenFolder,
    place: number,
    entry: SourceEntry,
    subtree: Uint8Array | undefined,
    before?: TreeNode,
  ): Promise<OpenFolder | undefined> {
    const opened = await this.#open(entry.folder as SourceFolder, subtree && Buffer.from(subtree))
    if (opened.isUnreadable) return undefined // left out, and reported: unreadable is not empty
    above.waiting++
    return { ...opened, entry, above, place, before }
  }

  async #meetFile(folder: OpenFolder, place: number, entry: SourceEntry, before: TreeNode | undefined): Promise<void> {
    const { ref, stat } = entry
    const content = sameContent(before, stat, this.#options.unchanged)
    const isUnchanged = content !== undefined && this.#store.useBlobs(content)
    const state = isUnchanged ? 'unchanged' : before ? 'changed' : 'new'
    const size = Number(stat.size)
    if (isUnchanged && before && sameMetadata(before, stat)) {
      this.#countFile(entry, state, size)
      return await this.#fill(folder, place, Buffer.from(before.raw))
    }
    const pending = { folder, place, entry, state } as const
    if (isUnchanged && before) await this.#batches.add({ ref, known: knownContent(before, content) }, 0, pending)
    else await this.#batches.add({ ref }, size, pending)
  }

  async #meetOther(folder: OpenFolder, place: number, entry: SourceEntry, before: TreeNode | undefined): Promise<void> {
    const node = await this.#describe(entry)
    const encoded = node && encodeNode(node)
    const state = !before ? 'new' : encoded?.equals(before.raw) ? 'unchanged' : 'changed'
    if (encoded) this.#options.onEntry?.({ path: entry.path, kind: 'other', state, bytes: 0 })
    await this.#fill(folder, place, encoded)
  }

  async #open(folder: SourceFolder, parentTree: Buffer | undefined): Promise<OpenFolder> {
    const fresh = { folder, next: 0, nodes: [], waiting: 1, place: 0 }
    const unchanged = parentTree && (await this.#ahead?.take(folder, parentTree))
    if (unchanged) {
      const { scanned, entries } = unchanged
      this.#countUnchanged(scanned)
      return { ...fresh, parent: new ParentFolder(undefined, parentTree), scanned, entries, isUnreadable: false }
    }
    const parent = await this.#loadParent(parentTree)
    const listed = await this.#source.list(folder, { signal: this.#options.signal })
    const { entries, problems, unreadable: isUnreadable = false } = listed
    this.#report(problems)
    if (parent.tree) this.#ahead?.expect(foldersBefore(entries, parent.tree))
    return { ...fresh, parent, entries, isUnreadable }
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
    const id = folder.scanned && folder.parent.id
    const tree = id ? await this.#changedTree(folder, id) : treeOf(folder)
    const isEmpty = !folder.scanned && folder.nodes.every((node) => node === undefined)
    if (!folder.above && isEmpty) throw new ArchiverError('SNAPSHOT_EMPTY')
    folder.nodes = []
    folder.entries = []
    return tree ? await this.#store.saveTree(tree, { signal: this.#options.signal }) : (id as Buffer)
  }

  /** The tree of a folder whose own entries are as they were; undefined when what lies below is too. */
  async #changedTree(folder: OpenFolder, id: Buffer): Promise<Buffer | undefined> {
    const isSame = folder.entries.every((_, place) => folder.nodes[place] === sameNode)
    if (isSame && this.#store.useTree(id)) return undefined
    return changedTree(await this.#store.loadTree(id, { signal: this.#options.signal }), folder)
  }

  async #folderNode(folder: OpenFolder, subtree: Buffer): Promise<Buffer | undefined> {
    const { before, parent, above, place } = folder
    const entry = folder.entry as SourceEntry
    const state = !parent.id ? 'new' : parent.id.equals(subtree) ? 'unchanged' : 'changed'
    this.tally.folder(state)
    this.#options.onEntry?.({ path: entry.path, kind: 'dir', state, bytes: 0 })
    if (state === 'unchanged') {
      if (above?.scanned?.folders[place]?.isSame) return sameNode
      if (before && sameFolder(before, entry.stat)) return Buffer.from(before.raw)
    }
    const node = await this.#describe(entry)
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

  #countUnchanged({ files, bytes }: ScannedFolder): void {
    this.tally.unchanged(files, bytes)
    this.#options.onUnchanged?.(files, bytes)
  }

  #report(problems: readonly Problem[]): void {
    for (const problem of problems) {
      this.problems.push(problem)
      this.#options.onProblem?.(problem)
    }
  }
}

/** The folders that the parent has too, each with its tree there, in order. */
function foldersBefore(entries: readonly SourceEntry[], parent: Tree): ExpectedFolder[] {
  const before = new ParentFolder(parent)
  return entries.flatMap(({ name, folder }) => {
    const tree = folder && subtreeOf(before.take(name))
    return tree ? [{ folder, tree }] : []
  })
}
