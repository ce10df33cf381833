import { formatTime, goModeOf, parseTime } from '#repository'
import type { EntryStat, Node } from '#archiver'

/** One entry as rclone tells of it. */
export interface RemoteItem {
  readonly name: string
  readonly isFolder: boolean
  /** Bytes; -1 when unknown. */
  readonly size: number
  /** Nanoseconds since 1970. */
  readonly mtime: bigint
}

/** Undefined when it is not what rclone sends. */
export function parseItem(value: unknown): RemoteItem | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { Name: name, IsDir: isFolder, Size: size, ModTime: time } = value as Record<string, unknown>
  const isWhole = typeof size === 'number' && Number.isSafeInteger(size)
  if (typeof name !== 'string' || typeof isFolder !== 'boolean' || !isWhole || typeof time !== 'string')
    return undefined
  const mtime = parseModified(time)
  return mtime === undefined ? undefined : { name, isFolder, size, mtime }
}

function parseModified(text: string): bigint | undefined {
  try {
    return parseTime(text)
  } catch {
    return undefined
  }
}

const zero = { uid: 0, gid: 0, inode: 0n, deviceId: 0n, links: 0n, device: 0n } as const

/**
 * SFTP, FTP and SMB tell rclone sizes and times, and no owners or rights: what is restored belongs to whoever restores it,
 * and only to them.
 */
export function statOf(isFolder: boolean, size: bigint, mtime: bigint): EntryStat {
  const kind = isFolder ? ({ type: 'dir', mode: 0o040700 } as const) : ({ type: 'file', mode: 0o100600 } as const)
  return { ...kind, ...zero, links: isFolder ? 0n : 1n, size, atime: mtime, mtime, ctime: mtime }
}

export function nodeOf(name: Buffer, stat: EntryStat): Node {
  const time = formatTime(stat.mtime)
  const { type, mode, links, size } = stat
  const times = { mtime: time, atime: time, ctime: time }
  return { ...zero, name, type, mode: goModeOf(mode), ...times, user: '', group: '', links, size, content: null }
}
