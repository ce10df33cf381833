import type { Node } from './format/node.ts'
import type { Tree } from './format/tree.ts'

/**
 * Contents are read and written inside worker threads, synchronously: there a system call costs a tenth of what it
 * costs through promises, and bytes never travel between threads. These are the two interfaces that a module loaded by
 * a thread provides; a `Source` names a reader module, a `Target` a writer module.
 */

/** What a reader module exports: `export const createContentReader: CreateContentReader`. */
export type CreateContentReader = (options: unknown) => ContentReader

export interface ContentReader {
  /** Opens one file. Throws when it cannot be read, or is no longer what `ref` was made for. */
  open(ref: unknown): OpenContent
  /** As `OpenContent.read`, at any position, of a file that this thread or another one has open (`OpenContent.handle`). */
  readAt?(handle: number, into: Uint8Array, position: number): number
}

export interface OpenContent extends Disposable {
  /** Everything about the file, read from the open handle; `content` is null until it has been stored. */
  readonly node: Node
  /** Parts of the metadata that could not be read. */
  readonly problems: readonly Error[]
  /**
   * For `ContentReader.readAt`, in any thread of this process and for as long as the file is open: so several threads read one
   * file, whatever is at its path meanwhile. Absent where a file is read from its beginning to its end only, or has holes.
   */
  readonly handle?: number | undefined
  /**
   * Fills `into` from the current position as far as possible; returns the number of bytes, 0 only at the end.
   * Loops over short reads and EINTR itself.
   */
  read(into: Uint8Array): number
  /** Bytes from the current position that are a hole (read as zeros, nothing stored); 0 where there is data or no way to tell. */
  holeAhead(): number
  /** Moves forward without reading. */
  skip(bytes: number): void
  /** Back to the start, to read the same open file again; `node` is refreshed. */
  rewind(): void
  /** True when the file is no longer as `node` describes it (size, mtime or ctime differ now). */
  changed(): boolean
}

/** What a writer module exports: `export const createContentWriter: CreateContentWriter`. */
export type CreateContentWriter = (options: unknown) => ContentWriter

/**
 * Writes the contents of files. Several threads may write different parts of one file: each opens it by `ref`.
 * The target has made every file that is written (see `restorer/target.ts`).
 */
export interface ContentWriter extends Disposable {
  /** Writes all of `bytes` at `offset`. */
  write(ref: unknown, offset: number, bytes: Uint8Array): void
  /**
   * For a file whose whole content comes in one go: make, write, set all metadata, put in place. Each piece is good until
   * the next is asked for, which may throw: then the file is not to be.
   */
  writeWhole(ref: unknown, pieces: Iterable<Uint8Array>): void
}

/**
 * What a scanner module exports: `export const createFolderScanner: CreateFolderScanner`. It compares folders with what a
 * snapshot has of them, in a thread, where most of the looking is done when little has changed: a backup's with its parent's
 * trees, a restore's with those that it brings back.
 */
export type CreateFolderScanner = (options: unknown, blobs: KnownBlobs) => Promise<FolderScanner>

export interface KnownBlobs {
  /** As `ContentStore.useBlobs`. */
  useBlobs(content: Buffer): boolean
  /** Bytes of data blobs, by their ids one after the other; undefined when one of them is not known. */
  lengthsOf(content: Buffer): Uint32Array | undefined
}

export interface FolderScanner extends Partial<Disposable> {
  /** `folder` and what is returned are plain values, which the scanner's other side on the main thread understands. */
  scan(folder: unknown, tree: Tree): unknown
}
