import { formatTime, goModeOf } from '#repository/format'
import type { EntryStat, ExtendedAttribute, Node } from '#archiver'

import { fromRaw, platform } from './platform/index.ts'

/** How what is on the disk is put into a node. The same for the walk (folders, links) and for the threads (files). */
export interface NodeOptions {
  /** Keep the access time; otherwise the modification time stands in for it, so that reading changes no tree. */
  readonly withAtime?: boolean | undefined
  /** Leave out extended attributes. */
  readonly withoutAttributes?: boolean | undefined
  /** Devices of volume snapshots, and of the volumes they were taken of, which are recorded in their place. */
  readonly devices?: readonly DeviceAlias[] | undefined
}

export interface DeviceAlias {
  readonly seen: bigint
  readonly recorded: bigint
}

export interface NodeParts {
  readonly name: Buffer
  readonly stat: EntryStat
  readonly attributes?: readonly ExtendedAttribute[] | undefined
  readonly linkTarget?: Buffer | undefined
}

const zero = 0n

/** The node of an entry, with the fields that restic fills for its type (restic: internal/fs/node.go). */
export function buildNode({ name, stat, attributes, linkTarget }: NodeParts, options: NodeOptions): Node {
  const { type } = stat
  const mtime = formatTime(stat.mtime)
  const isDevice = type === 'dev' || type === 'chardev'
  return {
    name,
    type,
    mode: goModeOf(stat.mode),
    mtime,
    atime: options.withAtime ? formatTime(stat.atime) : mtime,
    ctime: stat.ctime === stat.mtime ? mtime : formatTime(stat.ctime),
    uid: stat.uid,
    gid: stat.gid,
    user: platform.userName(stat.uid),
    group: platform.groupName(stat.gid),
    inode: stat.inode,
    deviceId: recordedDevice(stat.deviceId, options.devices),
    size: type === 'file' ? stat.size : zero,
    links: type === 'file' || type === 'symlink' || isDevice ? stat.links : zero,
    device: isDevice ? stat.device : zero,
    content: null,
    ...(linkTarget && { linkTarget }),
    ...(attributes?.length && { extendedAttributes: attributes }),
  }
}

function recordedDevice(device: bigint, aliases: readonly DeviceAlias[] | undefined): bigint {
  return aliases?.find(({ seen }) => seen === device)?.recorded ?? device
}

/** What one thread needs to open a file that the walk found. Plain and small: it is sent to the thread. */
export interface FileRef {
  /** Where it is read, one character a byte. */
  readonly path: string
  /** The name in the snapshot, where it is another than the path's last component. */
  readonly name?: string
  readonly inode: bigint
  readonly deviceId: bigint
  /** So much of the path was named by the user and may lead through symlinks. */
  readonly trusted: number
}

export function nameOf(ref: FileRef): Buffer {
  return fromRaw(ref.name ?? ref.path.slice(ref.path.lastIndexOf('/') + 1))
}
