import { crc32, createInflateRaw } from 'node:zlib'
import { Refused } from './refused.ts'

/**
 * ZIP files as far as documents need them (PKWARE APPNOTE 6.3), with bounds. What the file says about unpacked sizes is
 * not relied on: a few bytes can say anything, and unpack to gigabytes.
 */

export interface ZipEntry {
  readonly name: string
  /** Bytes as the list of the archive says them. */
  readonly size: number
  readonly packedSize: number
  readonly method: number
  readonly isLocked: boolean
  /** Where its local header is. */
  readonly offset: number
  /** Local time of the machine that packed it, as `2026-01-31 13:05`. */
  readonly modified: string
}

const endMark = 0x06054b50
const entryMark = 0x02014b50
const localMark = 0x04034b50

/** A document has some hundred parts. */
const mostEntries = 20_000

/** The list at the end of the archive. */
export function listZip(bytes: Buffer): ZipEntry[] {
  const end = findEnd(bytes)
  const entries: ZipEntry[] = []
  let at = listOffset(bytes, end)
  while (at + 46 <= end && bytes.readUInt32LE(at) === entryMark) {
    if (entries.length === mostEntries) throw new Refused('PREVIEW_UNPACKS_TOO_LARGE')
    const [name, extra, comment] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field)) as [
      number,
      number,
      number,
    ]
    const next = at + 46 + name + extra + comment
    if (next > end) throw new Refused('PREVIEW_DAMAGED')
    entries.push(readEntry(bytes.subarray(at, next), name, extra))
    at = next
  }
  if (entries.length === 0 && end > 0) throw new Refused('PREVIEW_DAMAGED')
  return entries
}

/** The end record: the last one, because a comment may follow it. */
function findEnd(bytes: Buffer): number {
  const first = Math.max(0, bytes.length - 22 - 0xffff)
  for (let at = bytes.length - 22; at >= first; at--) {
    if (bytes.readUInt32LE(at) === endMark) return at
  }
  throw new Refused('PREVIEW_DAMAGED')
}

/** Where the list begins; in archives with large numbers, a second record says it, and another one where that is (4.3.14, 4.3.15). */
function listOffset(bytes: Buffer, end: number): number {
  const offset = bytes.readUInt32LE(end + 16)
  if (offset !== 0xffffffff || end < 20 || bytes.readUInt32LE(end - 20) !== 0x07064b50) return offset
  const record = Number(bytes.readBigUInt64LE(end - 12))
  if (record + 56 > end) throw new Refused('PREVIEW_DAMAGED')
  return Number(bytes.readBigUInt64LE(record + 48))
}

function readEntry(entry: Buffer, nameLength: number, extraLength: number): ZipEntry {
  const extra = entry.subarray(46 + nameLength, 46 + nameLength + extraLength)
  const [size, packedSize, offset] = largeNumbers(
    [24, 20, 42].map((at) => entry.readUInt32LE(at)),
    extra,
  )
  const isUtf8 = (entry.readUInt16LE(8) & 0x800) !== 0
  return {
    name: entry.toString(isUtf8 ? 'utf8' : 'latin1', 46, 46 + nameLength),
    size: size as number,
    packedSize: packedSize as number,
    offset: offset as number,
    method: entry.readUInt16LE(10),
    isLocked: (entry.readUInt16LE(8) & 1) !== 0,
    modified: formatTime(entry.readUInt16LE(14), entry.readUInt16LE(12)),
  }
}

/** Numbers that do not fit stand, in this order, in the field for large ones (4.5.3), which some programs always write. */
function largeNumbers(numbers: readonly number[], extra: Buffer): number[] {
  let at = 0
  while (at + 4 <= extra.length && extra.readUInt16LE(at) !== 1) at += 4 + extra.readUInt16LE(at + 2)
  let value = at + 4
  return numbers.map((number) => {
    if (number !== 0xffffffff) return number
    if (value + 8 > extra.length) throw new Refused('PREVIEW_DAMAGED')
    value += 8
    return Number(extra.readBigUInt64LE(value - 8))
  })
}

function formatTime(date: number, time: number): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${1980 + (date >> 9)}-${two((date >> 5) & 15)}-${two(date & 31)}`
  return `${day} ${two(time >> 11)}:${two((time >> 5) & 63)}`
}

/** What may still be unpacked of one file, all its parts together. */
export class Unpacking {
  readonly #bytes: Buffer
  #left: number

  constructor(bytes: Buffer, most: number) {
    this.#bytes = bytes
    this.#left = most
  }

  /** All of a part, or its first `most` bytes. Refuses the file when its parts together are larger than allowed. */
  async unpack(entry: ZipEntry, most: number = Infinity): Promise<{ bytes: Buffer; isCutOff: boolean }> {
    if (entry.isLocked) throw new Refused('PREVIEW_LOCKED')
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of this.#contentOf(entry)) {
      chunks.push(chunk)
      length += chunk.length
      this.#left -= chunk.length
      if (length > most) return { bytes: Buffer.concat(chunks).subarray(0, most), isCutOff: true }
      if (this.#left < 0) throw new Refused('PREVIEW_UNPACKS_TOO_LARGE')
    }
    return { bytes: Buffer.concat(chunks), isCutOff: false }
  }

  async *#contentOf(entry: ZipEntry): AsyncGenerator<Buffer> {
    const packed = this.#packedBytes(entry)
    if (entry.method === 0) return yield packed
    if (entry.method !== 8) throw new Refused('PREVIEW_DAMAGED')
    const inflate = createInflateRaw()
    inflate.end(packed)
    try {
      for await (const chunk of inflate) yield chunk as Buffer
    } catch {
      throw new Refused('PREVIEW_DAMAGED')
    }
  }

  #packedBytes({ offset, packedSize }: ZipEntry): Buffer {
    const bytes = this.#bytes
    if (offset + 30 > bytes.length || bytes.readUInt32LE(offset) !== localMark) throw new Refused('PREVIEW_DAMAGED')
    const start = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28)
    if (start + packedSize > bytes.length) throw new Refused('PREVIEW_DAMAGED')
    return bytes.subarray(start, start + packedSize)
  }
}

/** A ZIP file of these parts, not packed: for readers that take nothing else. */
export function makeZip(parts: ReadonlyMap<string, Uint8Array>): Buffer {
  const files: Uint8Array[] = []
  const list: Uint8Array[] = []
  let offset = 0
  for (const [path, content] of parts) {
    const name = Buffer.from(path, 'utf8')
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(0x800, 2)
    fields.writeUInt32LE(crc32(content), 10)
    fields.writeUInt32LE(content.length, 14)
    fields.writeUInt32LE(content.length, 18)
    fields.writeUInt16LE(name.length, 22)
    files.push(word(localMark), fields, name, content)
    list.push(word(entryMark), Buffer.from([20, 0]), fields, Buffer.alloc(10), word(offset), name)
    offset += 30 + name.length + content.length
  }
  return Buffer.concat([...files, ...list, endRecord(parts.size, Buffer.concat(list).length, offset)])
}

function endRecord(count: number, length: number, offset: number): Buffer {
  const record = Buffer.alloc(22)
  record.writeUInt32LE(endMark, 0)
  record.writeUInt16LE(count, 8)
  record.writeUInt16LE(count, 10)
  record.writeUInt32LE(length, 12)
  record.writeUInt32LE(offset, 16)
  return record
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
