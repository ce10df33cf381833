import type { TargetEntry } from '#restorer'

import type { TargetStat } from './target-disk-types.ts'
import { temporaryPrefix } from './writer.ts'

/** Entries of a target as the restorer sees them, the temporary files of earlier restores among them. */

export function describeEntry(name: Buffer, stat: TargetStat): TargetEntry {
  const { kind, size, mtime, links } = stat
  const identity = links > 1 ? `${stat.deviceId}:${stat.inode}` : ''
  const leftover = leftoverOf(name, stat)
  return { name, kind, size, mtime, links, identity, ...(leftover === undefined ? {} : { leftover }) }
}

const temporaryName = new RegExp(
  `^${temporaryPrefix.replace('.', '\\.')}(?:([0-9a-f]{16})-[0-9a-f]{8}|[wo]-[0-9a-z-]+)$`,
)

/** For a temporary file of an earlier run: the key of the file that it was to become, or '' when it is of no use. */
function leftoverOf(name: Buffer, stat: TargetStat): string | undefined {
  if (name[0] !== 0x2e) return undefined
  const found = temporaryName.exec(name.toString('latin1'))
  if (!found) return undefined
  if (stat.kind !== 'file') return found[1] === undefined && stat.kind !== 'dir' ? '' : undefined
  return isOurs(stat) ? (found[1] ?? '') : ''
}

// Somebody else who may write to the folder could have laid it there, and would hold it open while it becomes the file.
export function isOurs(stat: TargetStat): boolean {
  const us = process.geteuid?.()
  return stat.kind === 'file' && stat.links === 1 && (us === undefined || (stat.uid === us && (stat.mode & 0o77) === 0))
}
