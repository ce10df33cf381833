/** A folder on disk as the place that a restore writes to: synchronous, one thread each, never outside the folder. */

/** An open folder: a descriptor on Linux, a path elsewhere. Valid until the next call of `folder`. */
export type FolderHandle = number | string

export type EntryKind = 'file' | 'dir' | 'symlink' | 'other'

export interface TargetStat {
  readonly kind: EntryKind
  /** `st_mode`. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly inode: bigint
  readonly deviceId: bigint
  readonly links: number
  /** `st_rdev` */
  readonly device: bigint
  readonly size: number
  /** Nanoseconds since 1970. */
  readonly mtime: bigint
  readonly atime: bigint
  /** Flags that even root cannot write against (`chattr +i`, `+a`). */
  readonly immutable: boolean
  readonly appendOnly: boolean
}

export interface TargetDisk extends Disposable {
  /** True when no swap of folders and links can lead outside. */
  readonly safeFromRaces: boolean
  /** Opens a folder below the root, never through a symlink. `path` is bytes as latin1, `''` the root. */
  folder(path: string): FolderHandle
  /** Forgets what is open at `path` and below (it is about to be removed or replaced). */
  forget(path: string): void
  list(folder: FolderHandle): Buffer[]
  /** Undefined when there is no such entry. */
  stat(folder: FolderHandle, name: Buffer): TargetStat | undefined
  statFolder(folder: FolderHandle): TargetStat
  makeFolder(folder: FolderHandle, name: Buffer, mode: number): void
  makeSymlink(folder: FolderHandle, name: Buffer, target: Buffer): void
  /** A fifo or device; `mode` has the type's bits. */
  makeSpecial(folder: FolderHandle, name: Buffer, mode: number, device: bigint): void
  link(fromFolder: string, fromName: Buffer, folder: string, name: Buffer): void
  /** Without `replace` throws EEXIST when `to` is there. */
  rename(folder: FolderHandle, from: Buffer, to: Buffer, replace: boolean): void
  removeFile(folder: FolderHandle, name: Buffer): void
  removeFolder(folder: FolderHandle, name: Buffer): void

  /** Makes a new file (mode 0600), open for writing. Throws EEXIST. */
  create(folder: FolderHandle, name: Buffer): number
  /** Opens a regular file that is there, never through a symlink, never waiting on a fifo. */
  open(folder: FolderHandle, name: Buffer, how: 'read' | 'write'): number
  statFile(file: number): TargetStat
  /** Writes all of `bytes`. */
  write(file: number, bytes: Uint8Array, offset: number): void
  /** Fills `into` as far as the file goes; the number of bytes. */
  read(file: number, into: Uint8Array, offset: number): number
  truncate(file: number, size: number): void
  /** Makes a range read as zeros that take no space; false where that cannot be done. */
  punchHole(file: number, offset: number, length: number): boolean
  close(file: number): void

  /** What metadata is set on: an open file or folder, or an entry of a folder that cannot be opened. */
  metadataOf(place: MetadataPlace): MetadataDoor
  /** Bytes that can still be stored. */
  free(): number
  /** Makes everything written so far survive a power cut. */
  sync(): void
}

export type MetadataPlace =
  | { readonly open: number; readonly path?: string }
  | { readonly folder: FolderHandle; readonly name: Buffer }

/** Reads and sets metadata of one entry, following no symlink. All may throw system errors. */
export interface MetadataDoor {
  stat(): TargetStat
  chown(uid: number, gid: number): void
  /** Permission bits of `st_mode`, with setuid, setgid and sticky. */
  chmod(mode: number): void
  setTimes(atime: bigint, mtime: bigint): void
  listAttributes(): string[]
  getAttribute(name: string): Buffer
  setAttribute(name: string, value: Uint8Array): void
  removeAttribute(name: string): void
}
