import { hash } from 'node:crypto'
import type { TreeNode } from '#repository'
import { entryTypes, folderType } from './table.ts'
import type { EntryVersion } from './table.ts'

/** A folder is there or not; what changes about it is told by what is in it. */
const folder: EntryVersion = { type: folderType, size: 0, mtime: Number.NaN, low: 0, high: 0 }
const millisecond = 1_000_000n

/** What a node says that a search can ask for, or that makes another version of it. Throws FIELD_INVALID, TIME_INVALID. */
export function versionOfNode(node: TreeNode): EntryVersion {
  const kind = node.type
  if (kind === 'dir') return folder
  const type = entryTypes.indexOf(kind === 'file' ? 'file' : kind === 'symlink' ? 'link' : 'other')
  const [size, mtime] = [node.size, node.mtimeNs]
  const content = (kind === 'symlink' ? node.linkTarget : node.content) ?? Buffer.alloc(0)
  const head = Buffer.alloc(17)
  head[0] = type
  head.writeBigUInt64LE(size, 1)
  head.writeBigInt64LE(BigInt.asIntN(64, mtime), 9)
  const digest = hash('sha256', Buffer.concat([head, content]), 'buffer')
  // One that could be taken for a folder's is made another: a file that becomes a folder is a change.
  const low = digest.readUInt32LE(0) | 1
  return {
    type,
    size: Number(size),
    mtime: Number(floorDivide(mtime, millisecond)),
    low: low >>> 0,
    high: digest.readUInt32LE(4),
  }
}

function floorDivide(value: bigint, by: bigint): bigint {
  return value / by - (value % by < 0n ? 1n : 0n)
}
