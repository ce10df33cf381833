import { readlinkSync } from 'node:fs'
import { join } from 'node:path'

import type { Node } from '#restorer'

import type { FolderHandle, TargetDisk } from './target-disk-types.ts'

/** Entries that are neither files nor folders: symlinks, fifos, devices. */

const typeBits = { fifo: 0o010000, chardev: 0o020000, dev: 0o060000 } as const

/** Why such an entry is left out, or undefined. */
export function refuseNode(node: Node, { foreign }: { readonly foreign: boolean }): string | undefined {
  if (node.type === 'irregular') return 'it is of a kind that cannot be made'
  if (node.type === 'symlink' && !node.linkTarget?.length) return 'the snapshot does not say where the symlink leads'
  const isDevice = node.type === 'dev' || node.type === 'chardev'
  if (isDevice && foreign) return 'devices of foreign snapshots are left out'
  if (isDevice && process.geteuid?.() !== 0) return 'only root can make devices'
  return undefined
}

/** True when the entry that is there is of the same kind, and leads to the same place. */
export function holdsNode(disk: TargetDisk, folder: FolderHandle, name: Buffer, node: Node): boolean {
  const stat = disk.stat(folder, name)
  if (stat === undefined) return false
  if (node.type === 'symlink') {
    return (
      stat.kind === 'symlink' &&
      readlinkSync(linkPath(folder, name), 'buffer').equals(node.linkTarget ?? Buffer.alloc(0))
    )
  }
  const bits = typeBits[node.type as keyof typeof typeBits]
  if ((stat.mode & 0o170000) !== bits) return false
  return node.type === 'fifo' || stat.device === node.device
}

function linkPath(folder: FolderHandle, name: Buffer): Buffer | string {
  if (typeof folder === 'number') return Buffer.concat([Buffer.from(`/proc/self/fd/${folder}/`), name])
  return join(folder, name.toString('utf8'))
}

export function makeNode(disk: TargetDisk, folder: FolderHandle, name: Buffer, node: Node): void {
  if (node.type === 'symlink') return disk.makeSymlink(folder, name, node.linkTarget as Buffer)
  const bits = typeBits[node.type as keyof typeof typeBits]
  disk.makeSpecial(folder, name, bits | 0o600, node.type === 'fifo' ? 0n : node.device)
}
