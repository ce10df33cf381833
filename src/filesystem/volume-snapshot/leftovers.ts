import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'

import { readMounts } from '../mounts.ts'
import { fromRaw } from '../platform/index.ts'
import { namePrefix } from './plan.ts'
import type { Volume } from './plan.ts'
import type { RunCommand, VolumeCommand } from './run-command.ts'

/**
 * Snapshots that a crashed run has left. Their names say which process made them and when it started, so that those of
 * a run that is still at work are told apart from those of one that is no more.
 */

/** `understudy-snapshot-PID-START-RANDOM` */
export function newSnapshotName(): string {
  return `${namePrefix}${process.pid}-${startOf(process.pid) ?? 0}-${randomBytes(4).toString('hex')}`
}

/** When a process started, in clock ticks since boot; undefined when there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in parentheses and may hold anything; the start is number 22.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

const namePattern = new RegExp(`^\\.?${namePrefix}(\\d+)-(\\d+)-[0-9a-f]{8}$`)

/** True for a name of ours whose maker is gone. */
export function isLeftOver(name: string): boolean {
  const [, pid, start] = namePattern.exec(name) ?? []
  return pid !== undefined && startOf(Number(pid)) !== start
}

/** What takes away the leftovers of a volume. */
export async function planLeftovers(volume: Volume, run: RunCommand): Promise<VolumeCommand[]> {
  if (volume.kind === 'lvm') return lvmLeftovers(volume, run)
  if (volume.kind === 'btrfs') return btrfsLeftovers(volume, run)
  const printed = await run({
    program: 'zfs',
    args: ['list', '-H', '-t', 'snapshot', '-o', 'name', '-d', '1', volume.id],
  })
  return linesOf(printed)
    .filter((id) => isLeftOver(id.slice(id.indexOf('@') + 1)))
    .map((id) => ({ program: 'zfs', args: ['destroy', id] }))
}

async function lvmLeftovers({ id }: Volume, run: RunCommand): Promise<VolumeCommand[]> {
  const group = id.slice(0, id.indexOf('/'))
  const names = linesOf(await run({ program: 'lvs', args: ['--noheadings', '-o', 'lv_name', group] })).filter(
    isLeftOver,
  )
  const mounts = readMounts()
  return names.flatMap((name) => {
    const device = `/dev/mapper/${double(group)}-${double(name)}`
    const mounted = mounts.filter(({ source }) => source === device).map(({ path }) => fromRaw(path).toString())
    return [
      ...mounted.map((path) => ({ program: 'umount', args: [path] })),
      { program: 'lvremove', args: ['--yes', `${group}/${name}`] },
    ]
  })
}

/** The device mapper doubles the dashes in names. */
function double(name: string): string {
  return name.replaceAll('-', '--')
}

async function btrfsLeftovers({ path }: Volume, run: RunCommand): Promise<VolumeCommand[]> {
  const printed = await run({ program: 'btrfs', args: ['subvolume', 'list', '-o', path] })
  const folder = path === '/' ? '' : path
  return linesOf(printed)
    .map((line) => line.slice(line.lastIndexOf('/') + 1).replace(/^.* path /, ''))
    .filter(isLeftOver)
    .map((name) => `${folder}/${name}`)
    .filter((place) => existsSync(place))
    .map((place) => ({ program: 'btrfs', args: ['subvolume', 'delete', place] }))
}

function linesOf(printed: string): string[] {
  return printed
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
