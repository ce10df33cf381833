import type { Cancellable } from '#base'
import type { EntryStat, Node } from '#repository'
import type { EntryTable } from '#repository/format'

/**
 * Where a snapshot's content comes from: a disk, a mailbox.
 *
 * A source is asked folder by folder. Contents are read in worker threads, because that is where they are chunked,
 * hashed and sealed: so a source names a *reader module* that a thread can load, and gives each file a plain `ref` that
 * the module understands.
 */
export interface Source {
  /** The paths that the snapshot records: what was asked to be backed up. */
  readonly paths: readonly string[]
  /** The folder at the root of the snapshot. It has no node of its own. */
  readonly root: SourceFolder
  /** The module that reads contents, and the plain value that its `createContentReader` is given in each thread. */
  readonly reader: { readonly module: URL; readonly options: unknown }
  /** Lists folders in threads, to see quickly which of them are as they were; without it all are listed by `list`. */
  readonly lister?: ThreadLister | undefined
  /** The folder's entries, sorted by the bytes of their names, with no name twice. Unreadable ones are `problems`. */
  list(folder: SourceFolder, options?: Cancellable): Promise<Listing>
  /** Everything about an entry that is no file: folder, symlink, device, fifo, socket. `content`/`subtree` unset. */
  describe(entry: SourceEntry): Promise<Described>
  /**
   * Called when everything has been read, before the snapshot is saved. It throws when what was read is not to be
   * trusted (the command that gave the data failed, a volume snapshot filled up): then there is no snapshot.
   */
  finish?(): Promise<void>
}

/** The main thread's side of listing in threads. */
export interface ThreadLister {
  /** The module that lists folders, and the plain value that its `createFolderLister` is given in each thread. */
  readonly module: URL
  readonly options: unknown
  /** What the module needs to find the folder; undefined when it is to be listed by `Source.list` all the same. */
  ref(folder: SourceFolder): unknown
  /** Entries for the folders that the module found in `folder`. */
  enter(folder: SourceFolder, found: readonly FoundFolder[]): readonly SourceEntry[]
}

export interface FoundFolder {
  /** One character a byte. */
  readonly name: string
  readonly stat: EntryStat
}

/** What a lister module exports: `export const createFolderLister: CreateFolderLister`. */
export type CreateFolderLister = (options: unknown) => FolderLister

export interface FolderLister {
  /**
   * Puts the folder, as `Source.list` would list it, into a table; false when that is not possible just so. Fast, because no
   * entry becomes an object.
   */
  fill(ref: unknown, table: EntryTable): boolean
  /** The folder at this place of a table that was filled. */
  found(table: EntryTable, place: number): FoundFolder
  /** As `Source.list` would list it; undefined when there is anything that the user should be told. */
  list(ref: unknown): readonly ListedEntry[] | undefined
}

export interface ListedEntry {
  readonly name: Buffer
  readonly stat: EntryStat
}

/** A folder as its source knows it; the archiver only hands it back. */
export interface SourceFolder {
  /** For people: the whole path. Raw bytes, because names need not be UTF-8. */
  readonly path: Buffer
}

export interface Listing {
  readonly entries: readonly SourceEntry[]
  readonly problems: readonly Problem[]
  /** True when the folder itself could not be read: its entries are unknown, not absent. */
  readonly unreadable?: boolean
}

export interface SourceEntry {
  /** Raw name, one path component. */
  readonly name: Buffer
  /** For people: the whole path, raw bytes. */
  readonly path: Buffer
  /** What a cheap look tells. Undefined for a folder that only leads to what was asked for and has no metadata. */
  readonly stat: EntryStat
  /** Set for a folder that is entered. */
  readonly folder?: SourceFolder
  /** Set for a file: what the reader module needs to open it. Must survive `postMessage`. */
  readonly ref?: unknown
}

/** Something that could not be read. The snapshot is made without it, and says so. */
export interface Problem {
  readonly path: Buffer
  readonly error: Error
}

export interface Described {
  readonly node: Node
  /** Parts of the metadata that could not be read (an xattr, say); the node is still good. */
  readonly problems: readonly Problem[]
}
