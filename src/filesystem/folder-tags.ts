import { hasCode, messageOf } from '#base'

import type { DiskFolder } from './entries.ts'
import { FilesystemError } from './errors.ts'
import type { FolderTag } from './exclude.ts'
import { fromRaw, platform } from './platform/index.ts'
import type { Walk } from './walk.ts'
import { joinPath } from './target-tree.ts'

/** True when the folder holds a valid tag file. One that cannot be read or does not begin as it should counts for nothing. */
export function hasTag(tag: FolderTag, { raw, at }: Pick<DiskFolder, 'raw' | 'at'>, walk: Pick<Walk, 'warn'>): boolean {
  try {
    const file = joinPath(at, tag.name)
    const { type } = platform.stat(file, { follow: false })
    if (tag.header.length === 0) return true
    return type === 'file' && beginsWith(file, tag.header)
  } catch (error) {
    if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ENOTDIR')) {
      const path = joinPath(raw, tag.name)
      walk.warn(
        path,
        new FilesystemError('TAG_IGNORED', { path: fromRaw(path), reason: messageOf(error), cause: error }),
      )
    }
    return false
  }
}

function beginsWith(file: string, header: Buffer): boolean {
  const fd = platform.openFile(file)
  try {
    const start = Buffer.alloc(header.length)
    const length = platform.read(fd, start, 0)
    if (start.subarray(0, length).equals(header)) return true
  } finally {
    platform.close(fd)
  }
  throw new Error('it does not begin with the signature that was asked for')
}
