import path from 'node:path'

import type { EntryStat, Listing, Problem } from '#archiver'

import { DiskEntry, DiskFolder, TargetFolder } from './entries.ts'
import { FilesystemError } from './errors.ts'
import { statesOf } from './exclude.ts'
import { hasTag } from './folder-tags.ts'
import { isInside } from './mounts.ts'
import { fromRaw, platform } from './platform/index.ts'
import { absolutePath } from './walk.ts'
import type { Walk } from './walk.ts'
import type { TargetNode } from './target-tree.ts'

/** Lists a folder at the top of the snapshot: targets, and the folders on the way to targets. */
export async function listTargets(walk: Walk, { node }: TargetFolder): Promise<Listing> {
  const entries: DiskEntry[] = []
  const problems: Problem[] = []
  // Names are raw strings, so that the default order is the order of the bytes.
  for (const name of [...node.nodes.keys()].sort()) {
    const child = node.nodes.get(name) as TargetNode
    const raw = absolutePath(child.path ?? child.metadataPath ?? '/', walk.workingFolder)
    try {
      await walk.remote.check(raw)
      const entry = child.path === undefined ? folderAbove(walk, child, name, raw) : targetEntry(walk, child, name, raw)
      if (entry) entries.push(entry)
    } catch (error) {
      problems.push({ path: fromRaw(raw), error: error as Error })
    }
  }
  return { entries, problems }
}

/** A folder that only leads to targets: its metadata is that of what its path leads to, symlinks included. */
function folderAbove(walk: Walk, node: TargetNode, name: string, raw: string): DiskEntry {
  const at = walk.readPath(raw)
  const stat = platform.stat(at, { follow: true })
  if (stat.type !== 'dir') throw new FilesystemError('NOT_A_FOLDER', { path: fromRaw(raw) })
  const folder = new TargetFolder(node, raw)
  return new DiskEntry({ name, stat, raw, at, trusted: at.length, folder, isAbove: true })
}

/** A target; undefined when an exclude applies to it, which it never does to one that the user named. */
function targetEntry(walk: Walk, node: TargetNode, name: string, raw: string): DiskEntry | undefined {
  const at = walk.readPath(raw)
  const states = statesOf(walk.excludes, raw)
  const isExcluded = !node.explicit && states.some(({ matched }) => matched)
  const isOurs = !node.explicit && walk.excludes.folders.some((folder) => isInside(raw, folder))
  if (isExcluded || isOurs) return drop(walk, raw)
  const stat = platform.stat(at, { follow: false })
  const rules = { trusted: at.length, device: walk.oneFileSystem ? allowedDevice(walk, raw) : undefined }
  const isBarred = rules.device !== undefined && stat.deviceId !== rules.device
  if (stat.type === 'socket') return undefined
  if (!node.explicit && isExcludedByStat(walk, raw, stat, isBarred)) return drop(walk, raw)
  const folder = stat.type === 'dir' ? new DiskFolder({ raw, at, stat, rules, states, isBarred }) : undefined
  return new DiskEntry({ name, stat, raw, at, trusted: at.length, folder })
}

function drop(walk: Walk, raw: string): undefined {
  walk.excluded(raw)
}

function isExcludedByStat(walk: Walk, raw: string, stat: EntryStat, isBarred: boolean): boolean {
  const { tags, largerThan } = walk.excludes
  const parent = path.posix.dirname(raw)
  const name = path.posix.basename(raw)
  const folder = { raw: parent, at: walk.readPath(parent) }
  if (tags.some((tag) => tag.name !== name && hasTag(tag, folder, walk))) return true
  if (stat.type === 'dir') return false
  return isBarred || (largerThan !== undefined && stat.size > largerThan)
}

/** The device of the target that this is, or that it lies in. */
function allowedDevice({ devices }: Walk, raw: string): bigint | undefined {
  for (let place = raw; ; place = path.posix.dirname(place)) {
    const device = devices.get(place)
    if (device !== undefined || place === '/') return device
  }
}
