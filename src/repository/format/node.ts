/** A node: one entry of a tree (restic: internal/data/node.go). */

export type NodeType = 'file' | 'dir' | 'symlink' | 'dev' | 'chardev' | 'fifo' | 'socket' | 'irregular'

export interface ExtendedAttribute {
  readonly name: string
  /** restic writes `null` for an empty value in places; both are read. */
  readonly value: Buffer | null
}

/**
 * What a tree says of one entry. Values are kept exactly as the format has them, so that decoding and encoding again
 * gives the same bytes: times stay RFC 3339 text (their offset is part of the bytes), 64-bit numbers are `bigint`,
 * names and link targets are raw bytes.
 */
export interface Node {
  /** One path component, raw bytes (never passed through a string: names need not be UTF-8). */
  readonly name: Buffer
  readonly type: NodeType
  /** Go's `os.FileMode`, not `st_mode`. */
  readonly mode: number
  readonly mtime: string
  readonly atime: string
  readonly ctime: string
  readonly uid: number
  readonly gid: number
  readonly user: string
  readonly group: string
  readonly inode: bigint
  readonly deviceId: bigint
  readonly size: bigint
  readonly links: bigint
  /** Raw bytes of a symlink's target. */
  readonly linkTarget?: Buffer
  readonly extendedAttributes?: readonly ExtendedAttribute[]
  /** The JSON text of `generic_attributes` (Windows attributes, made by restic), kept as it came. */
  readonly genericAttributes?: string
  /** `st_rdev`, for devices. */
  readonly device: bigint
  /** The ids of the file's data blobs, 32 bytes each, one after the other; null for anything that is not a file. */
  readonly content: Buffer | null
  /** The id of a folder's tree, 32 bytes. */
  readonly subtree?: Buffer
  readonly error?: string
}

/** What a cheap look at an entry tells (`lstat`), before its node is made. */
export interface EntryStat {
  readonly type: NodeType
  /** `st_mode`. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly inode: bigint
  readonly deviceId: bigint
  readonly links: bigint
  /** `st_rdev`. */
  readonly device: bigint
  readonly size: bigint
  /** Nanoseconds since 1970; may be negative. */
  readonly atime: bigint
  readonly mtime: bigint
  readonly ctime: bigint
}
