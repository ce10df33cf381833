import type { Cancellable } from '#base'

/**
 * What the archiver needs of a repository to store a snapshot's content, and what it gets back.
 * `RepositoryWriter` (writer.ts) implements it.
 */
export interface ContentStore {
  /**
   * Stores files in a worker thread, in the given order. One file that cannot be read does not stop the others:
   * its outcome says why.
   */
  storeFiles(files: readonly FileOrder[], options?: Cancellable): Promise<FileOutcome[]>
  /** Saves a tree unless it is known, and returns its id. */
  saveTree(bytes: Buffer, options?: Cancellable): Promise<Buffer>
  /** True when every one of these data blobs (32 bytes each) is in the repository; they then count as used by this run. */
  useBlobs(content: Buffer): boolean
  /** The same for a tree. */
  useTree(id: Buffer): boolean
  /**
   * Has threads compare folders with trees of a parent snapshot, by the scanner module that the store was opened with.
   * Undefined for a folder whose tree cannot be read just so: that one is to be looked at with all care.
   */
  scanFolders(orders: readonly ScanOrder[], options?: Cancellable): Promise<unknown[]>
  /** Makes everything durable: packs, then indexes. */
  flush(options?: Cancellable): Promise<void>
  /** How many threads store files at once. */
  readonly threads: number
  /** Bytes and blobs that this run has added so far. */
  readonly added: AddedCounts
}

export interface ScanOrder {
  /** What the scanner module understands. */
  readonly folder: unknown
  /** Id of the tree that it is compared with. */
  readonly tree: Buffer
}

export interface FileOrder {
  /** What the source's reader module opens. */
  readonly ref: unknown
  /** Content that is known from the parent: only the metadata is read, as long as `known` still tells of this file. */
  readonly known?: KnownContent | undefined
}

/**
 * What a file held when it was read last, and how it looked then. With another size or mtime when it is opened, it was
 * changed since it was listed, and is read. Ctime and inode may differ, where the user says that they mean nothing; the
 * new node then has them as they are here: they tell when the content was read, and a backup that does heed them reads
 * the file again.
 */
export interface KnownContent {
  readonly content: Buffer
  readonly size: bigint
  /** Nanoseconds since 1970. */
  readonly mtime: bigint
  /** RFC 3339, as the parent has it. */
  readonly ctime: string
  readonly inode: bigint
}

export type FileOutcome =
  | {
      readonly kind: 'stored'
      /** The encoded node. */
      readonly node: Buffer
      /** Bytes read. */
      readonly bytes: number
      /** True when the file changed while it was read, twice in a row: what is stored is what was read. */
      readonly changed: boolean
      /** Metadata that could not be read. */
      readonly problems: readonly Error[]
    }
  | { readonly kind: 'unreadable'; readonly error: Error }

export interface AddedCounts {
  readonly dataBlobs: number
  readonly treeBlobs: number
  /** Plain bytes of new blobs. */
  readonly dataBytes: number
  readonly treeBytes: number
  /** Bytes that the new blobs take in packs. */
  readonly storedDataBytes: number
  readonly storedTreeBytes: number
}
