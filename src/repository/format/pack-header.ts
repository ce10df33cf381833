import { FormatError } from './errors.ts'
import { idLength } from './ids.ts'

/**
 * The header at the end of a pack: `blobs ‖ sealed header ‖ uint32le length of the sealed header`. Each entry is
 * `type(1) ‖ sealed length(u32le) [‖ plain length(u32le) when compressed] ‖ id(32)`; blobs lie one after the other from 0,
 * in the order of their entries (restic: internal/repository/pack/pack.go).
 */

/** Columns of what lies in a pack: no object a blob. */
export interface PackBlobs {
  readonly count: number
  /** 32 bytes each. */
  readonly ids: Uint8Array
  /** `blobTypes`: 1 for a tree, 0 for data. */
  readonly types: Uint8Array
  readonly offsets: Uint32Array
  /** Sealed bytes. */
  readonly lengths: Uint32Array
  /** Bytes before compression (`uncompressed_length`); 0 when not compressed. */
  readonly plainLengths: Uint32Array
}

export const blobTypes = { data: 0, tree: 1 } as const
export type BlobTypeNumber = (typeof blobTypes)[keyof typeof blobTypes]

/** Bytes of an entry for a blob that is not compressed, and for one that is. */
export const plainEntryLength = 1 + 4 + idLength
export const compressedEntryLength = 1 + 4 + 4 + idLength

/** Bytes that sealing adds: IV and tag. */
const sealOverhead = 32

/** Bytes of the number at the end of a pack. */
export const lengthFieldSize = 4

/** The longest sealed header that restic reads. */
export const longestSealedHeader = 16 << 20

/** More entries than this fit no header that restic reads. */
export const mostHeaderEntries = Math.floor((longestSealedHeader - sealOverhead) / compressedEntryLength)

/** Shortest pack: one empty blob. */
const shortestPack = sealOverhead + plainEntryLength + sealOverhead + lengthFieldSize

const compressedFlag = 2
const treeFlag = 1

/** Most bytes that the header of a pack with `count` blobs takes at the end of the pack, sealed, with its length field. */
export function packHeaderLength(count: number): number {
  return count * compressedEntryLength + sealOverhead + lengthFieldSize
}

/** The plain header, ready to be sealed. Throws PACK_HEADER_INVALID when there are more blobs than restic reads. */
export function encodePackHeader({ count, ids, types, lengths, plainLengths }: Omit<PackBlobs, 'offsets'>): Buffer {
  if (count > mostHeaderEntries) throw invalid(`it would have ${count} entries; ${mostHeaderEntries} are the most`)
  const header = Buffer.allocUnsafe(count * compressedEntryLength)
  let at = 0
  for (let i = 0; i < count; i++) {
    const plainLength = plainLengths[i] as number
    header[at] = (types[i] as number) | (plainLength > 0 ? compressedFlag : 0)
    at = header.writeUInt32LE(lengths[i] as number, at + 1)
    if (plainLength > 0) at = header.writeUInt32LE(plainLength, at)
    header.set(ids.subarray(i * idLength, (i + 1) * idLength), at)
    at += idLength
  }
  return header.subarray(0, at)
}

/**
 * Where the sealed header of a pack lies, from the pack's size and its last four bytes. Throws PACK_HEADER_INVALID for a
 * length that cannot be, before anybody makes room for it.
 */
export function locatePackHeader(
  packSize: number,
  lengthField: Uint8Array,
): { readonly start: number; readonly end: number } {
  if (packSize < shortestPack) throw invalid(`the pack has ${packSize} bytes, fewer than a pack can have`)
  if (lengthField.length !== lengthFieldSize) throw new RangeError('the length field of a pack has four bytes')
  const length = new DataView(lengthField.buffer, lengthField.byteOffset).getUint32(0, true)
  const end = packSize - lengthFieldSize
  if (length < sealOverhead + plainEntryLength) throw invalid(`it claims ${length} bytes, fewer than a header can have`)
  if (length > longestSealedHeader) throw invalid(`it claims ${length} bytes; ${longestSealedHeader} are the most`)
  if (length > end) throw invalid(`it claims ${length} bytes of a pack of ${packSize}`)
  return { start: end - length, end }
}

/**
 * Reads the plain header (opened with the key) of a pack of `packSize` bytes. Throws PACK_HEADER_INVALID for anything
 * that is not whole entries, and when blobs and header do not add up to the pack.
 */
export function parsePackHeader(header: Uint8Array, packSize: number): PackBlobs {
  if (header.length + sealOverhead > longestSealedHeader) throw invalid(`it has ${header.length} bytes`)
  const room = Math.floor(header.length / plainEntryLength)
  const ids = Buffer.allocUnsafeSlow(room * idLength)
  const types = new Uint8Array(room)
  const offsets = new Uint32Array(room)
  const lengths = new Uint32Array(room)
  const plainLengths = new Uint32Array(room)
  const blobsEnd = packSize - lengthFieldSize - sealOverhead - header.length
  const view = new DataView(header.buffer, header.byteOffset, header.length)
  let count = 0
  let offset = 0
  for (let at = 0; at < header.length; count++) {
    const type = header[at] as number
    if (type > 3) throw invalid(`entry ${count} has type ${type}`)
    const isCompressed = (type & compressedFlag) !== 0
    const next = at + (isCompressed ? compressedEntryLength : plainEntryLength)
    if (next > header.length) throw invalid(`entry ${count} is cut short`)
    const length = view.getUint32(at + 1, true)
    if (length < sealOverhead) throw invalid(`entry ${count} has ${length} bytes, fewer than its seal`)
    if (offset + length > blobsEnd)
      throw invalid(`entry ${count} ends at ${offset + length}, and the blobs at ${blobsEnd}`)
    types[count] = type & treeFlag
    offsets[count] = offset
    lengths[count] = length
    if (isCompressed) plainLengths[count] = view.getUint32(at + 5, true)
    ids.set(header.subarray(next - idLength, next), count * idLength)
    offset += length
    at = next
  }
  if (offset !== blobsEnd) throw invalid(`its blobs end at ${offset}, and the header starts at ${blobsEnd}`)
  return {
    count,
    ids: ids.subarray(0, count * idLength),
    types: types.subarray(0, count),
    offsets: offsets.subarray(0, count),
    lengths: lengths.subarray(0, count),
    plainLengths: plainLengths.subarray(0, count),
  }
}

function invalid(reason: string): FormatError {
  return new FormatError('PACK_HEADER_INVALID', { reason })
}
