import type { PreviewType } from '#protocol'
import type { FileInput } from './file-input.ts'
import { Refused } from './refused.ts'

/** Names of streams by which the programs are known that keep theirs in a compound file. */
const streams: readonly (readonly [name: string, type: PreviewType])[] = [
  ['WordDocument', 'doc'],
  ['Workbook', 'xls'],
  ['Book', 'xls'],
  ['PowerPoint Document', 'ppt'],
  ['__nameid_version1.0', 'outlook'],
]

/**
 * Compound files ([MS-CFB]): the Office formats before 2007, and newer documents that are protected by a password. They
 * are told apart by what is in the first sectors of their folder, and not read.
 */
export async function refuseCompound(file: FileInput): Promise<never> {
  const folder = await folderOf(file)
  const has = (name: string) => folder.includes(Buffer.from(`${name}\0`, 'utf16le'))
  if (has('EncryptedPackage')) throw new Refused('PREVIEW_LOCKED', 'office')
  const type = streams.find(([name]) => has(name))?.[1]
  if (!type) throw new Refused('PREVIEW_NO_READER', 'unknown')
  throw new Refused(type === 'outlook' ? 'PREVIEW_NO_READER' : 'PREVIEW_OLD_FORMAT', type)
}

const folderLength = 4096

async function folderOf(file: FileInput): Promise<Buffer> {
  const header = await file.first(512)
  if (header.length < 512) throw new Refused('PREVIEW_DAMAGED', 'unknown')
  const sectorLength = header.readUInt16LE(30) === 12 ? 4096 : 512
  const start = (header.readUInt32LE(48) + 1) * sectorLength
  if (start > file.limits.documentBytes) throw new Refused('PREVIEW_NO_READER', 'office')
  return (await file.first(start + folderLength)).subarray(start)
}
