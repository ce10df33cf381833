import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { messageOf } from '#base'
import { FormatError } from './errors.ts'
import { tuningFor, tuningParameters } from './zstd-tuning.ts'

/**
 * zstd as the format uses it: every blob and unpacked file is exactly one standard frame. We write frames that state
 * their content's size and carry no checksum (the seal and the hash already tell every change).
 */
export interface Zstd {
  /** Compresses `src` into `dst`; returns the number of bytes, or 0 when they do not fit. They fit in `compressBound`. */
  compress(src: Uint8Array, dst: Uint8Array, level: number): number
  /**
   * Decompresses the one frame that `src` is into `dst`, whose length is the length that the index states.
   * Throws `COMPRESSION_BROKEN` when the result is longer or shorter, or anything follows the frame. Memory is bounded by `dst`.
   */
  decompress(src: Uint8Array, dst: Uint8Array): void
}

export type CompressionMode = 'auto' | 'off' | 'fastest' | 'better' | 'max'

/**
 * zstd levels of restic's names, chosen so that a repository is no larger than restic's at the same setting.
 * With `off` data is stored as it is; trees and unpacked files are compressed all the same, as restic does.
 */
export const compressionLevels: Readonly<Record<CompressionMode, number>> = {
  auto: 3,
  off: 3,
  fastest: 1,
  better: 5,
  max: 8,
}

/** Most bytes that compressing `length` bytes can give. */
export function compressBound(length: number): number {
  const margin = length < 128 * 1024 ? (128 * 1024 - length) >>> 11 : 0
  return length + Math.floor(length / 256) + margin
}

/** `Zstd` from `node:zlib`: the reference that the fast path is compared with. */
export const referenceZstd: Zstd = {
  compress(src, dst, level) {
    const tuning = tuningParameters(tuningFor(level, src.length)).filter(([, value]) => value !== 0)
    const params = { [constants.ZSTD_c_compressionLevel]: level, ...Object.fromEntries(tuning) }
    const packed = zstdCompressSync(src, { params })
    if (packed.length > dst.length) return 0
    dst.set(packed)
    return packed.length
  },
  decompress(src, dst) {
    const plain = unpack(src, dst.length)
    if (plain.length !== dst.length) throw wrongLength(plain.length, dst.length)
    dst.set(plain)
  },
}

/**
 * Decompresses one frame whose length nothing else states (unpacked files), up to `max` bytes.
 * Throws `COMPRESSION_BROKEN`.
 */
export function decompressUnknown(src: Uint8Array, max: number, zstd: Zstd): Buffer {
  const stated = statedContentSize(src)
  if (stated === undefined) return unpack(src, max)
  if (stated > max) throw broken(`it would be longer than ${max} bytes`)
  // Not pooled: the caller may keep a small part of it for long. Pages that a lying header asks for are never touched.
  const plain = Buffer.allocUnsafeSlow(stated)
  zstd.decompress(src, plain)
  return plain
}

/** Decompresses by node:zlib into a buffer of at most `max` bytes. */
function unpack(src: Uint8Array, max: number): Buffer {
  checkFrame(src)
  try {
    // With `info`, Node tells how much it consumed: it stops silently after the first frame.
    const { buffer, engine } = zstdDecompressSync(src, {
      maxOutputLength: Math.max(max, 1),
      info: true,
    }) as unknown as {
      buffer: Buffer
      engine: { bytesWritten: number }
    }
    if (engine.bytesWritten !== src.length) throw broken('something follows the end')
    return buffer
  } catch (cause) {
    if (cause instanceof FormatError) throw cause
    if (!isOfZlib(cause)) throw cause
    throw broken(messageOf(cause))
  }
}

/** What node:zlib says of a bad frame, or of one that is longer than it may be. */
function isOfZlib(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && /^(?:ZSTD_|Z_|ERR_BUFFER_TOO_LARGE)/.test(String(cause.code))
}

/** Fewer literals than this are not worth a code of their own at any level. */
const fewLiterals = 1024

/**
 * Whether a frame may be much longer than it need be: its first block is stored as it is, or its literals are, which
 * the negative levels of zstd do (`off` here). RFC 8878, 3.1.1.2 and 3.1.1.3.1. Any valid frame may be asked about.
 */
export function isHastyFrame(frame: Uint8Array): boolean {
  const descriptor = frame[4] as number
  const singleSegment = (descriptor & 0x20) !== 0
  const sizeLength = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] as number
  const dictionaryLength = [0, 1, 2, 4][descriptor & 3] as number
  const block = 5 + (singleSegment ? 0 : 1) + dictionaryLength + sizeLength
  const blockType = ((frame[block] as number) >>> 1) & 3
  if (blockType !== 2) return blockType === 0
  const literals = frame[block + 3] as number
  if ((literals & 3) !== 0) return false
  const [second = 0, third = 0] = [frame[block + 4], frame[block + 5]]
  const sizeFormat = (literals >>> 2) & 3
  if (sizeFormat === 1) return (literals >>> 4) + (second << 4) >= fewLiterals
  return sizeFormat === 3 && (literals >>> 4) + (second << 4) + (third << 12) >= fewLiterals
}

/** The content's size from the header of a frame (RFC 8878, 3.1.1.1), where it is stated. */
function statedContentSize(src: Uint8Array): number | undefined {
  const view = new DataView(src.buffer, src.byteOffset, src.byteLength)
  if (src.length < 18 || view.getUint32(0, true) !== 0xfd2fb528) return undefined
  const descriptor = view.getUint8(4)
  const singleSegment = (descriptor & 0x20) !== 0
  const dictionaryLength = [0, 1, 2, 4][descriptor & 3] as number
  const at = 5 + (singleSegment ? 0 : 1) + dictionaryLength
  switch (descriptor >>> 6) {
    case 0:
      return singleSegment ? view.getUint8(at) : undefined
    case 1:
      return view.getUint16(at, true) + 256
    case 2:
      return view.getUint32(at, true)
    default:
      return Number(view.getBigUint64(at, true))
  }
}

/**
 * Refuses what zstd would take and the format does not have: frames without content, which it passes over, and (as far as
 * only some of its functions take them) windows of more than 128 MiB, which no level of zstd writes.
 */
export function checkFrame(src: Uint8Array): void {
  if (src.length < 6) throw broken('it is too short')
  const [magic, second, , , descriptor, window] = src as unknown as [number, number, number, number, number, number]
  if ((magic & 0xf0) === 0x50 && second === 0x2a) throw broken('it is a frame without content') // 0x184D2A50 … 5F
  const hasWindow = (descriptor & 0x20) === 0
  if (hasWindow && window > (27 - 10) << 3) throw broken('its window is larger than 128 MiB')
}

export function wrongLength(actual: number, stated: number): FormatError {
  return broken(`it has ${actual} bytes where ${stated} are stated`)
}

export function broken(reason: string): FormatError {
  return new FormatError('COMPRESSION_BROKEN', { reason })
}
