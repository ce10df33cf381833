/** Reading from a snapshot of the volume (LVM, Btrfs, ZFS) that is taken for the backup and dropped after it. */
export { openVolumeSnapshot } from './open.ts'
export type { Consistency, VolumeSnapshot, VolumeSnapshotOptions } from './open.ts'
export { volumeKinds } from './plan.ts'
export type { VolumeChoice, VolumeKind } from './plan.ts'
