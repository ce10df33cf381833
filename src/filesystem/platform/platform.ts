import type { EntryStat, ExtendedAttribute } from '#archiver'
import type { EntryTable } from '#repository/format'

/**
 * What reading a disk needs of the operating system. Everything is synchronous.
 *
 * Paths and names are **raw strings**: one character a byte (`latin1`), so that names that are no UTF-8 keep their
 * bytes, comparing strings compares bytes, and half of the copying that buffers need falls away. They go through
 * `toRaw`/`fromRaw`.
 */
export interface Platform {
  /** The working folder, from the kernel. */
  workingFolder(): string
  /** Opens a folder to look at what is in it; fails with ELOOP or ENOTDIR where the path names a symlink. */
  openFolder(path: string, options?: OpenOptions): OpenFolder
  /** An entry of a table that a folder was put into (`OpenFolder.fill`). */
  readonly readTable?: (table: EntryTable, place: number) => { readonly name: string; readonly stat: EntryStat }
  /** Opens a file to read it. Never blocks (a FIFO) and never follows a symlink in the last component. */
  openFile(path: string, options?: OpenOptions): number
  close(fd: number): void
  /** What the open file is now. */
  statOpen(fd: number): FileStat
  stat(path: string, options: { readonly follow: boolean }): EntryStat
  readLink(path: string): Buffer
  /** Fills `into` from `position`; the number of bytes, 0 only at the end. */
  read(fd: number, into: Uint8Array, position: number): number
  /** Where the next data (or hole) at or after `position` begins; undefined when there is no more. */
  seek(fd: number, what: 'data' | 'hole', position: number): number | undefined
  /** Of an open file (by descriptor) or of any entry (by path, not followed). Empty where there are none. */
  extendedAttributes(of: number | string): Attributes
  /** Empty where the id has no name. */
  userName(uid: number): string
  groupName(gid: number): string
  /** Undefined where nobody has the name. */
  userId(name: string): number | undefined
  groupId(name: string): number | undefined
}

export interface OpenOptions {
  /**
   * Length of a prefix of the path that is trusted: below it no symlink is followed in any component, not just in the
   * last. Costs more; for when something looks wrong. Where the system cannot do that, the call fails.
   */
  readonly trusted?: number | undefined
}

export interface OpenFolder extends Disposable {
  readonly stat: EntryStat
  /** Sorted by bytes, without `.` and `..`. */
  names(): string[]
  /** Not followed. */
  statEntry(name: string): EntryStat
  /**
   * Puts all entries into a table; those that are not wanted are left out. False when that cannot be done: then what the table
   * holds means nothing. Absent where the system does not give entries in that form.
   */
  readonly fill?: (table: EntryTable, isWanted?: (name: string) => boolean) => boolean
}

export interface FileStat extends EntryStat {
  /** True when the file takes less room than its size: it may have holes. */
  readonly sparse: boolean
}

export interface Attributes {
  readonly attributes: readonly ExtendedAttribute[]
  /** One error for each that could not be read or cannot be stored. */
  readonly problems: readonly Error[]
}

export function toRaw(bytes: Uint8Array | string): string {
  return Buffer.from(bytes as Uint8Array).toString('latin1')
}

export function fromRaw(raw: string): Buffer {
  return Buffer.from(raw, 'latin1')
}
