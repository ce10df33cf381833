import type { VolumeCommand } from './run-command.ts'

/** The kinds of volume whose snapshots can be taken. */
export type VolumeKind = 'lvm' | 'btrfs' | 'zfs'

/** One kind only, or whichever there is. */
export type VolumeChoice = VolumeKind | 'any' | 'auto'

export const volumeKinds = ['lvm', 'btrfs', 'zfs'] as const satisfies readonly VolumeKind[]

/** A volume that targets lie on. */
export interface Volume {
  readonly kind: VolumeKind
  /** Where its content is seen: a mount point, or the root of a btrfs subvolume. */
  readonly path: string
  /** `vg/lv`, or the name of the ZFS dataset; for btrfs the same as `path`. */
  readonly id: string
  /** The file system on it. */
  readonly fileSystem: string
  /** LVM: whether it lies in a thin pool, where snapshots share its room. */
  readonly isThin?: boolean
}

/** What will be run, shown, and taken back. */
export interface VolumeSnapshotPlan {
  readonly volume: Volume
  readonly name: string
  readonly create: readonly VolumeCommand[]
  /** Takes everything back. Each is tried even when one before it fails. */
  readonly drop: readonly VolumeCommand[]
  /** Prints something that `isSound` understands. */
  readonly verify: VolumeCommand
  /** Where the volume's content can be read. */
  readonly readAt: string
  /** An empty folder that must be made for it, and taken away again. */
  readonly mountPoint?: string
}

/** Only names that begin like this are ever dropped. */
export const namePrefix = 'understudy-snapshot-'

export interface PlanOptions {
  readonly name: string
  /** A folder in which mount points are made. */
  readonly mountFolder: string
  /** LVM: the room for what changes meanwhile, as a share of the volume. */
  readonly percentOfOrigin?: number
}

const defaultPercent = 20

export function planVolumeSnapshot(volume: Volume, options: PlanOptions): VolumeSnapshotPlan {
  if (volume.kind === 'lvm') return planLvm(volume, options)
  if (volume.kind === 'btrfs') return planBtrfs(volume, options)
  return planZfs(volume, options)
}

function planLvm(
  volume: Volume,
  { name, mountFolder, percentOfOrigin = defaultPercent }: PlanOptions,
): VolumeSnapshotPlan {
  const group = volume.id.slice(0, volume.id.indexOf('/'))
  const id = `${group}/${name}`
  const mountPoint = `${mountFolder}/${name}`
  // A thin snapshot takes its room from the pool and is not activated unless asked.
  const size = volume.isThin ? ['--setactivationskip', 'n'] : ['--extents', `${percentOfOrigin}%ORIGIN`]
  // XFS refuses a second file system with the same id; ext4 replays its journal, on the snapshot only.
  const flags = volume.fileSystem === 'xfs' ? 'ro,nouuid' : 'ro'
  return {
    volume,
    name,
    create: [
      { program: 'lvcreate', args: ['--snapshot', '--name', name, ...size, volume.id] },
      { program: 'mount', args: ['-t', volume.fileSystem, '-o', flags, `/dev/${id}`, mountPoint] },
    ],
    drop: [
      { program: 'umount', args: [mountPoint] },
      { program: 'lvremove', args: ['--yes', id] },
    ],
    verify: { program: 'lvs', args: ['--noheadings', '-o', 'lv_attr,data_percent', id] },
    readAt: mountPoint,
    mountPoint,
  }
}

function planBtrfs(volume: Volume, { name }: PlanOptions): VolumeSnapshotPlan {
  const place = `${volume.path === '/' ? '' : volume.path}/.${name}`
  return {
    volume,
    name,
    create: [{ program: 'btrfs', args: ['subvolume', 'snapshot', '-r', volume.path, place] }],
    drop: [{ program: 'btrfs', args: ['subvolume', 'delete', place] }],
    verify: { program: 'btrfs', args: ['subvolume', 'show', place] },
    readAt: place,
  }
}

function planZfs(volume: Volume, { name }: PlanOptions): VolumeSnapshotPlan {
  const id = `${volume.id}@${name}`
  return {
    volume,
    name,
    create: [{ program: 'zfs', args: ['snapshot', id] }],
    drop: [{ program: 'zfs', args: ['destroy', id] }],
    verify: { program: 'zfs', args: ['list', '-H', '-t', 'snapshot', '-o', 'name', id] },
    readAt: `${volume.path === '/' ? '' : volume.path}/.zfs/snapshot/${name}`,
  }
}

/**
 * Whether a snapshot still holds what it held, by what `verify` printed. An LVM snapshot whose room is used up becomes
 * invalid: attribute 5 is `I` or `S` in capital letters then (man 8 lvs), and its share reaches 100.
 */
export function isSound({ kind, isThin }: Volume, printed: string): boolean {
  if (kind !== 'lvm') return true // the command succeeds only while the snapshot is there
  const [attributes = '', share = '0'] = printed.trim().split(/\s+/)
  const isValid = attributes.length > 4 && attributes[4] !== 'I' && attributes[4] !== 'S'
  return isValid && (isThin === true || Number(share) < 100)
}
