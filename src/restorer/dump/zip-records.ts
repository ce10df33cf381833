import { isUtf8 } from 'node:buffer'

/**
 * The records of a zip file: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT. No library for Node takes names
 * that are no text.
 */

export interface ZipEntry {
  readonly name: Buffer
  /** `st_mode`. */
  readonly mode: number
  /** Milliseconds since 1970. */
  readonly mtime: number
  readonly isCompressed: boolean
  /** Checksum and sizes come after the content (`encodeDescriptor`). */
  readonly isStreamed: boolean
  /** Position of the local header. */
  readonly offset: number
  /** Sizes may need 64 bits. Decided before the content is known: its compressed form may be larger. */
  readonly isLarge: boolean
}

export interface ZipSums {
  readonly crc: number
  readonly compressed: number
  readonly plain: number
}

const most16 = 0xffff
const most32 = 0xffffffff
const flags = { streamed: 1 << 3, utf8: 1 << 11 }
const methods = { stored: 0, deflated: 8 }
const versions = { plain: 20, large: 45 }
const madeOnUnix = 3 << 8
const extraIds = { zip64: 0x0001, time: 0x5455 }
const folderType = 0o040000

export function encodeLocalHeader(entry: ZipEntry, sums: ZipSums): Buffer {
  const { name, isLarge, isStreamed } = entry
  const known = isStreamed ? { crc: 0, compressed: 0, plain: 0 } : sums
  const large = isLarge ? encodeExtra(extraIds.zip64, [uint64(known.plain), uint64(known.compressed)]) : Buffer.alloc(0)
  const extra = Buffer.concat([large, encodeTime(entry.mtime)])
  const header = Buffer.alloc(30)
  header.writeUInt32LE(0x04034b50, 0)
  header.writeUInt16LE(isLarge ? versions.large : versions.plain, 4)
  putCommon(header, 6, entry)
  header.writeUInt32LE(known.crc, 14)
  header.writeUInt32LE(isLarge ? most32 : known.compressed, 18)
  header.writeUInt32LE(isLarge ? most32 : known.plain, 22)
  header.writeUInt16LE(name.length, 26)
  header.writeUInt16LE(extra.length, 28)
  return Buffer.concat([header, name, extra])
}

export function encodeDescriptor({ isLarge }: ZipEntry, { crc, compressed, plain }: ZipSums): Buffer {
  const sizes = isLarge ? [uint64(compressed), uint64(plain)] : [uint32(compressed), uint32(plain)]
  return Buffer.concat([uint32(0x08074b50), uint32(crc), ...sizes])
}

/** The entry's record in the directory at the end. */
export function encodeDirectoryEntry(entry: ZipEntry, { crc, compressed, plain }: ZipSums): Buffer {
  const { name, mode, offset } = entry
  const long = [plain, compressed, offset].filter((value) => value >= most32)
  const large = long.length > 0 ? encodeExtra(extraIds.zip64, long.map(uint64)) : Buffer.alloc(0)
  const extra = Buffer.concat([large, encodeTime(entry.mtime)])
  const record = Buffer.alloc(46)
  record.writeUInt32LE(0x02014b50, 0)
  record.writeUInt16LE(madeOnUnix | versions.large, 4)
  record.writeUInt16LE(entry.isLarge || long.length > 0 ? versions.large : versions.plain, 6)
  putCommon(record, 8, entry)
  record.writeUInt32LE(crc, 16)
  record.writeUInt32LE(Math.min(compressed, most32), 20)
  record.writeUInt32LE(Math.min(plain, most32), 24)
  record.writeUInt16LE(name.length, 28)
  record.writeUInt16LE(extra.length, 30)
  const isFolder = (mode & 0o170000) === folderType
  record.writeUInt32LE(((mode << 16) | (isFolder ? 0x10 : 0)) >>> 0, 38)
  record.writeUInt32LE(Math.min(offset, most32), 42)
  return Buffer.concat([record, name, extra])
}

export interface ZipDirectory {
  readonly entries: number
  readonly offset: number
  readonly length: number
}

/** What ends the file, after the directory. */
export function encodeEnd({ entries, offset, length }: ZipDirectory): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Math.min(entries, most16), 8)
  end.writeUInt16LE(Math.min(entries, most16), 10)
  end.writeUInt32LE(Math.min(length, most32), 12)
  end.writeUInt32LE(Math.min(offset, most32), 16)
  if (entries < most16 && offset < most32 && length < most32) return end
  return Buffer.concat([encodeLargeEnd({ entries, offset, length }), end])
}

function encodeLargeEnd({ entries, offset, length }: ZipDirectory): Buffer {
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50, 0)
  uint64(record.length - 12).copy(record, 4)
  record.writeUInt16LE(madeOnUnix | versions.large, 12)
  record.writeUInt16LE(versions.large, 14)
  uint64(entries).copy(record, 24)
  uint64(entries).copy(record, 32)
  uint64(length).copy(record, 40)
  uint64(offset).copy(record, 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  uint64(offset + length).copy(locator, 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([record, locator])
}

/** Flags, method, time: the same in both headers. */
function putCommon(into: Buffer, at: number, { name, isCompressed, isStreamed, mtime }: ZipEntry): void {
  into.writeUInt16LE((isStreamed ? flags.streamed : 0) | (isUtf8(name) ? flags.utf8 : 0), at)
  into.writeUInt16LE(isCompressed ? methods.deflated : methods.stored, at + 2)
  into.writeUInt32LE(dosTime(mtime), at + 4)
}

/** Wall clock of this machine, in steps of two seconds, from 1980 to 2107. */
function dosTime(milliseconds: number): number {
  const time = new Date(milliseconds)
  const year = time.getFullYear()
  if (!(year >= 1980)) return (1 << 21) | (1 << 16)
  if (year > 2107) return (((127 << 9) | (12 << 5) | 31) * 0x10000 + ((23 << 11) | (59 << 5) | 29)) >>> 0
  const date = ((year - 1980) << 9) | ((time.getMonth() + 1) << 5) | time.getDate()
  const clock = (time.getHours() << 11) | (time.getMinutes() << 5) | (time.getSeconds() >> 1)
  return date * 0x10000 + clock
}

/** The time in seconds since 1970, which needs no zone; nothing when 32 bits cannot say it. */
function encodeTime(milliseconds: number): Buffer {
  const seconds = Math.floor(milliseconds / 1000)
  if (seconds < -0x8000_0000 || seconds > 0x7fff_ffff) return Buffer.alloc(0)
  const body = Buffer.alloc(5)
  body[0] = 1
  body.writeInt32LE(seconds, 1)
  return encodeExtra(extraIds.time, [body])
}

function encodeExtra(id: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const head = Buffer.alloc(4)
  head.writeUInt16LE(id, 0)
  head.writeUInt16LE(body.length, 2)
  return Buffer.concat([head, body])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
