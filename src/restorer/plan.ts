import { BytesColumn, bytes, counts, sizes } from './columns.ts'
import type { FailureList } from './failures.ts'

/**
 * What a restore will do, as a value: shown by a dry run, checked by tests, carried out by `executeRestore`.
 *
 * It holds names and decisions, not nodes: the execution reads each tree again, and finds the entries by their position.
 */

/** What happens to an entry that is no folder. */
export type Action =
  /** It is not there yet, or takes the place of something else. */
  | 'new'
  /** A file is there with other content. */
  | 'changed'
  /** The content is right; metadata is made right where it is not. */
  | 'same'
  /** Something is there that `overwrite` says to leave alone. */
  | 'kept'
  /** A second name of a file that is restored under another. */
  | 'link'

const actions: readonly Action[] = ['new', 'changed', 'same', 'kept', 'link']

/** The name is taken by something that is to be replaced. */
const replaces = 0x80
/** What is in the way is a folder, which must be removed first. */
const removesFolder = 0x40
/** Content and metadata are right: there is nothing to do. */
const untouched = 0x20
const actionBits = 0x0f

/** What is known of a folder, beside `untouched`. */
const needed = 0x01
const rightMetadata = 0x02

export interface PlanCounts {
  folders: number
  newFolders: number
  /** Files, symlinks, devices… by what happens to them; links count as their own kind. */
  new: number
  changed: number
  same: number
  kept: number
  links: number
  /** Entries of another kind that are replaced. */
  inTheWay: number
  /** Entries that are deleted, a folder with all below it counting as one. */
  deleted: number
  /** Temporary files of an interrupted restore, which are removed. */
  leftovers: number
  /** Entries that cannot be restored here; each is one of `problems`. */
  refused: number
  /** Bytes of the new and of the changed files. */
  newBytes: number
  changedBytes: number
  sameBytes: number
  /** Bytes that must come from the repository. */
  bytesToWrite: number
  /** Disk space that the restore takes at most, beyond what is used now. */
  spaceNeeded: number
}

function noCounts(): PlanCounts {
  return {
    folders: 0,
    newFolders: 0,
    new: 0,
    changed: 0,
    same: 0,
    kept: 0,
    links: 0,
    inTheWay: 0,
    deleted: 0,
    leftovers: 0,
    refused: 0,
    newBytes: 0,
    changedBytes: 0,
    sameBytes: 0,
    bytesToWrite: 0,
    spaceNeeded: 0,
  }
}

/** A line of a dry run. */
export interface PlanItem {
  readonly path: Buffer
  readonly action: Action | 'folder' | 'new folder' | 'delete' | 'leftover'
  /** Bytes of a file. */
  readonly size: number
}

/** Whether a folder is there. */
export type FolderState = 'absent' | 'there' | 'in the way'
const folderStates: readonly FolderState[] = ['absent', 'there', 'in the way']

export class RestorePlan {
  /** The tree that the root of the target becomes. */
  readonly tree: Buffer
  readonly counts: PlanCounts = noCounts()
  /** What the plan leaves out, and why. */
  readonly problems: FailureList
  /** Bytes that the target had free, if that can be told. */
  freeSpace: number | undefined
  readonly folders = new FolderTable()
  readonly entries = new EntryTable()
  /** Entries of the target that go: of another run (`leftover`), or because the snapshot has them not. */
  readonly deletions = new DeletionTable()

  /** Folders in the way of files are removed with all that they hold. */
  readonly removesFolders: boolean

  constructor(tree: Buffer, problems: FailureList, removesFolders: boolean) {
    this.removesFolders = removesFolders
    this.tree = tree
    this.problems = problems
  }

  /** Positions in `deletions` of what goes: only from folders that something is restored to. */
  *deleted(): Generator<number> {
    for (let index = 0; index < this.deletions.length; index++) {
      if (this.deletions.isDropped(index)) continue
      if (this.folders.isNeeded(this.deletions.folder(index))) yield index
    }
  }

  /** Everything that is done, folder by folder: for `--dry-run --verbose`. */
  *items(): Generator<PlanItem> {
    for (const folder of this.folders.visited()) {
      const path = this.folders.path(folder)
      const state = this.folders.state(folder)
      if (folder > 0) yield { path, action: state === 'there' ? 'folder' : 'new folder', size: 0 }
      for (let entry = this.folders.firstEntry(folder); entry < this.folders.endEntry(folder); entry++) {
        const name = this.entries.name(entry)
        yield { path: joinPath(path, name), action: this.entries.action(entry), size: this.entries.size(entry) }
      }
    }
    for (const index of this.deleted()) {
      const path = joinPath(this.folders.path(this.deletions.folder(index)), this.deletions.name(index))
      yield { path, action: this.deletions.isLeftover(index) ? 'leftover' : 'delete', size: 0 }
    }
  }
}

/** Folders of the snapshot that are gone through. The root is 0; a folder comes after its parent. */
class FolderTable {
  readonly #parents = counts()
  readonly #names = new BytesColumn()
  readonly #trees = new BytesColumn()
  /** Position of the folder's node in the tree of its parent. */
  readonly #nodes = counts()
  readonly #states = bytes()
  readonly #marks = bytes()
  readonly #first = counts()
  readonly #end = counts()
  readonly #visited = counts()

  get length(): number {
    return this.#parents.length
  }

  add(folder: { parent: number; name: Uint8Array; tree: Uint8Array; node: number; state: FolderState }): number {
    this.#parents.push(folder.parent)
    this.#names.push(folder.name)
    this.#trees.push(folder.tree)
    this.#nodes.push(folder.node)
    this.#states.push(folderStates.indexOf(folder.state))
    this.#marks.push(0)
    this.#first.push(0)
    return this.#end.push(0)
  }

  parent(folder: number): number {
    return this.#parents.get(folder)
  }

  tree(folder: number): Buffer {
    return this.#trees.get(folder)
  }

  node(folder: number): number {
    return this.#nodes.get(folder)
  }

  state(folder: number): FolderState {
    return folderStates[this.#states.get(folder)] as FolderState
  }

  /** Something in the folder, or the folder itself, is restored. */
  isNeeded(folder: number): boolean {
    return (this.#marks.get(folder) & needed) !== 0
  }

  /** The folder is made, and so are those above it. */
  need(folder: number): void {
    for (let at = folder; !this.isNeeded(at); at = this.parent(at)) this.#mark(at, needed)
  }

  /** Its metadata is right, as far as the listing of its parent tells. */
  isRight(folder: number): boolean {
    return (this.#marks.get(folder) & rightMetadata) !== 0
  }

  setRight(folder: number): void {
    this.#mark(folder, rightMetadata)
  }

  /** Its metadata is right, and so is everything that lies in it: only folders below may have changed in themselves. */
  isUntouched(folder: number): boolean {
    return (this.#marks.get(folder) & untouched) !== 0
  }

  setUntouched(folder: number): void {
    this.#mark(folder, untouched)
  }

  #mark(folder: number, bit: number): void {
    this.#marks.set(folder, this.#marks.get(folder) | bit)
  }

  open(folder: number, firstEntry: number): void {
    this.#visited.push(folder)
    this.#first.set(folder, firstEntry)
    this.#end.set(folder, firstEntry)
  }

  close(folder: number, endEntry: number): void {
    this.#end.set(folder, endEntry)
  }

  firstEntry(folder: number): number {
    return this.#first.get(folder)
  }

  endEntry(folder: number): number {
    return this.#end.get(folder)
  }

  /** Needed folders in the order in which their entries lie, which is about that of their contents in the packs. */
  *visited(): Generator<number> {
    for (let index = 0; index < this.#visited.length; index++) {
      const folder = this.#visited.get(index)
      if (this.isNeeded(folder)) yield folder
    }
  }

  /** The path below the root, a copy. */
  path(folder: number): Buffer {
    const parts: Buffer[] = []
    for (let at = folder; at !== 0; at = this.parent(at)) parts.push(slash, this.#names.get(at))
    parts.shift()
    return Buffer.concat(parts.reverse())
  }
}

const slash = Buffer.from('/')

/** Entries that are no folders, in the order of their folders and trees. */
export class EntryTable {
  readonly #kinds = bytes()
  readonly #nodes = counts()
  readonly #names = new BytesColumn()
  readonly #sizes = sizes()
  /** For changed files of several blobs: which blobs are there already. */
  readonly matches = new Map<number, Uint8Array>()
  /** How many bytes those are. */
  readonly keptBytes = new Map<number, number>()
  /** For new files: a leftover that holds a part of them. */
  readonly leftovers = new Map<number, Buffer>()
  /** For links: the entry whose second name it is. */
  readonly firsts = new Map<number, number>()

  get length(): number {
    return this.#kinds.length
  }

  add(entry: {
    node: number
    name: Uint8Array
    size: number
    action: Action
    replaces: boolean
    removesFolder: boolean
  }): number {
    this.#nodes.push(entry.node)
    this.#names.push(entry.name)
    this.#sizes.push(entry.size)
    const flags = (entry.replaces ? replaces : 0) | (entry.removesFolder ? removesFolder : 0)
    return this.#kinds.push(actions.indexOf(entry.action) | flags)
  }

  /** Decided later: comparing contents takes its time. */
  setAction(entry: number, action: Action): void {
    this.#kinds.set(entry, (this.#kinds.get(entry) & ~actionBits) | actions.indexOf(action))
  }

  setUntouched(entry: number): void {
    this.#kinds.set(entry, this.#kinds.get(entry) | untouched)
  }

  isUntouched(entry: number): boolean {
    return (this.#kinds.get(entry) & untouched) !== 0
  }

  action(entry: number): Action {
    return actions[this.#kinds.get(entry) & actionBits] as Action
  }

  replaces(entry: number): boolean {
    return (this.#kinds.get(entry) & replaces) !== 0
  }

  removesFolder(entry: number): boolean {
    return (this.#kinds.get(entry) & removesFolder) !== 0
  }

  node(entry: number): number {
    return this.#nodes.get(entry)
  }

  name(entry: number): Buffer {
    return this.#names.get(entry)
  }

  size(entry: number): number {
    return this.#sizes.get(entry)
  }
}

class DeletionTable {
  readonly #folders = counts()
  readonly #names = new BytesColumn()
  readonly #leftover = bytes()

  get length(): number {
    return this.#folders.length
  }

  add(folder: number, name: Buffer, leftover: boolean): void {
    this.#folders.push(folder)
    this.#names.push(name)
    this.#leftover.push(leftover ? 1 : 0)
  }

  folder(index: number): number {
    return this.#folders.get(index)
  }

  name(index: number): Buffer {
    return this.#names.get(index)
  }

  /** Nothing is deleted on the word of a snapshot that cannot be trusted. */
  keepOnlyLeftovers(): void {
    for (let index = 0; index < this.length; index++) if (!this.isLeftover(index)) this.#leftover.set(index, 2)
  }

  isDropped(index: number): boolean {
    return this.#leftover.get(index) === 2
  }

  isLeftover(index: number): boolean {
    return this.#leftover.get(index) === 1
  }
}

/** `folder/name`, a copy. */
export function joinPath(folder: Buffer, name: Buffer): Buffer {
  return folder.length === 0 ? Buffer.from(name) : Buffer.concat([folder, slash, name])
}
