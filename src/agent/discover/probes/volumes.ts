import { mayHang } from '#filesystem'
import type { Mount } from '#filesystem'
import type { Volume } from '#protocol'
import type { Probe } from '../finding.ts'
import type { Machine } from '../machine.ts'

/** File systems that hold data of this machine. What the kernel shows as files, and images of programs, are none. */
const local = /^(?:ext[234]|xfs|btrfs|zfs|f2fs|bcachefs|jfs|reiserfs|vfat|exfat|ntfs|ntfs3|fuseblk|hfsplus|ufs|apfs)$/

/** File systems that programs of a desktop make for themselves. */
const noNetwork = /^(?:autofs|fuseblk|fuse|fuse\.(?:lxcfs|portal|gvfsd-fuse|snapfuse|fusectl))$/

export const volumes: Probe = {
  name: 'volumes',
  title: 'volumes',
  look: (machine) => {
    for (const mount of dataMounts(machine)) machine.sink.volume(volumeOf(machine, mount))
  },
}

export function kindOf(mount: Mount): Volume['kind'] | undefined {
  // A container's root is an overlay; others lie over folders of volumes that are told already.
  if (local.test(mount.type) || (mount.type === 'overlay' && mount.path === '/')) return 'local'
  return mayHang(mount) && !noNetwork.test(mount.type) ? 'network' : undefined
}

/** Each volume once, however often it is mounted. A subvolume of Btrfs is a volume to whoever walks over it. */
export function dataMounts({ mounts }: Pick<Machine, 'mounts'>): Mount[] {
  const found = new Map<string, Mount>()
  for (const mount of mounts) {
    if (kindOf(mount) === undefined) continue
    const key = mount.type === 'btrfs' ? `${mount.source}\0${mount.root}` : mount.source
    const before = found.get(key)
    if (!before || isBetter(mount, before)) found.set(key, mount)
  }
  return [...found.values()]
}

/** The whole rather than a folder of it that is mounted elsewhere, and the shorter path. */
function isBetter(mount: Mount, before: Mount): boolean {
  if ((mount.root === '/') !== (before.root === '/')) return mount.root === '/'
  return mount.path.length < before.path.length
}

function volumeOf({ files }: Machine, mount: Mount): Volume {
  const { path, source, type: fileSystem } = mount
  const about = { path, source, fileSystem, kind: kindOf(mount) ?? 'local', filesAre: 'unknown' as const }
  if (files.isSilent(path)) return { ...about, unseen: 'it does not answer: what it comes from may be down' }
  const found = files.volume(path)
  if (!found) return { ...about, unseen: 'it could not be looked at' }
  const { bsize, blocks, bfree, files: all, ffree } = found
  const sizes = { bytes: blocks * bsize, usedBytes: Math.max(0, blocks - bfree) * bsize }
  // Btrfs and some network file systems keep no such count.
  if (all <= 0 || all < ffree) return { ...about, ...sizes }
  return { ...about, ...sizes, files: all - ffree, filesAre: 'estimated' }
}
