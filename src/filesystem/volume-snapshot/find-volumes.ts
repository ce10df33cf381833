import path from 'node:path'

import { FilesystemError } from '../errors.ts'
import { isInside, mountOf } from '../mounts.ts'
import type { Mount } from '../mounts.ts'
import { fromRaw, platform, toRaw } from '../platform/index.ts'
import type { Volume, VolumeChoice } from './plan.ts'
import type { RunCommand } from './run-command.ts'

/** Which volumes the targets lie on, and what below the targets is on others. Paths are raw strings. */
export interface FoundVolumes {
  readonly volumes: readonly Volume[]
  /** Mounts and btrfs subvolumes below the volumes: a snapshot shows an empty folder there. */
  readonly elsewhere: readonly string[]
}

/** Throws NO_VOLUME_SNAPSHOT when one of the targets lies on nothing that a snapshot can be taken of. */
export async function findVolumes(
  targets: readonly string[],
  mounts: readonly Mount[],
  { run, kind }: { readonly run: RunCommand; readonly kind: VolumeChoice },
): Promise<FoundVolumes> {
  const volumes = new Map<string, Volume>()
  for (const target of targets) {
    const volume = await volumeOf(target, mounts, run)
    if (!volume || !isChosen(volume, kind)) {
      throw new FilesystemError('NO_VOLUME_SNAPSHOT', {
        path: fromRaw(target),
        kind: kind === 'auto' || kind === 'any' ? 'LVM, Btrfs or ZFS' : kind,
      })
    }
    volumes.set(volume.path, volume)
  }
  const found = [...volumes.values()]
  const mounted = mounts.map((mount) => mount.path)
  const subvolumes = (await Promise.all(found.map((volume) => subvolumesIn(volume, mounts, run)))).flat()
  const elsewhere = [...mounted, ...subvolumes].filter(
    (place) => !volumes.has(place) && found.some((volume) => isInside(place, volume.path)),
  )
  return { volumes: found, elsewhere: [...new Set(elsewhere)] }
}

function isChosen(volume: Volume, choice: VolumeChoice): boolean {
  return choice === 'auto' || choice === 'any' || volume.kind === choice
}

async function volumeOf(target: string, mounts: readonly Mount[], run: RunCommand): Promise<Volume | undefined> {
  const mount = mountOf(mounts, target)
  if (!mount) return undefined
  const argument = textArgument(mount.path)
  if (mount.type === 'btrfs') {
    const root = textArgument(subvolumeOf(target, mount))
    return { kind: 'btrfs', path: root, id: root, fileSystem: 'btrfs' }
  }
  if (mount.type === 'zfs') return { kind: 'zfs', path: argument, id: textArgument(mount.source), fileSystem: 'zfs' }
  // A snapshot shows the whole file system; a folder of it that is mounted elsewhere has other paths in there.
  if (mount.root !== '/' || !mount.source.startsWith('/dev/')) return undefined
  return lvmVolume(mount, argument, run)
}

async function lvmVolume(mount: Mount, argument: string, run: RunCommand): Promise<Volume | undefined> {
  const columns = ['--noheadings', '--separator', '/', '-o', 'vg_name,lv_name,segtype']
  try {
    const printed = await run({ program: 'lvs', args: [...columns, textArgument(mount.source)] })
    const [group, name, segments] = printed.trim().split('/')
    if (!group || !name) return undefined
    return { kind: 'lvm', path: argument, id: `${group}/${name}`, fileSystem: mount.type, isThin: segments === 'thin' }
  } catch {
    return undefined // no LVM on this machine, or this device is not LVM's
  }
}

/** Every btrfs subvolume's root has this inode number, and nothing else on the file system has. */
const subvolumeInode = 256n

function subvolumeOf(target: string, mount: Mount): string {
  for (let place = target; isInside(place, mount.path); place = path.posix.dirname(place)) {
    const { type, inode } = platform.stat(place, { follow: false })
    if (type === 'dir' && inode === subvolumeInode) return place
    if (place === mount.path) break
  }
  throw new FilesystemError('NO_VOLUME_SNAPSHOT', { path: fromRaw(target), kind: 'btrfs' })
}

/** `ID 257 gen 10 top level 5 path home/user`: the path is from the root of the whole file system. */
async function subvolumesIn(volume: Volume, mounts: readonly Mount[], run: RunCommand): Promise<string[]> {
  if (volume.kind !== 'btrfs') return []
  const mount = mountOf(mounts, toRaw(volume.path))
  const printed = await run({ program: 'btrfs', args: ['subvolume', 'list', '-a', volume.path] })
  return printed.split('\n').flatMap((line) => {
    const inTree = /^ID \d+ .*? path (?:<FS_TREE>\/)?(.*)$/.exec(line)?.[1]
    if (inTree === undefined || !mount) return []
    const below = path.posix.relative(mount.root, `/${toRaw(inTree)}`)
    const place = path.posix.join(mount.path, below)
    return below === '' || below.startsWith('..') || place === volume.path ? [] : [place]
  })
}

/** A raw path as an argument of a command. */
function textArgument(raw: string): string {
  const text = fromRaw(raw).toString('utf8')
  if (toRaw(text) !== raw)
    throw new FilesystemError('NO_VOLUME_SNAPSHOT', { path: fromRaw(raw), kind: 'named in UTF-8' })
  return text
}
