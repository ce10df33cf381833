import { FormatError } from './errors.ts'
import { compressBound, compressionLevels, decompressUnknown, type Zstd } from './zstd.ts'

/**
 * What lies under the seal of an unpacked file (snapshot, index, lock) of a version 2 repository: the byte 2, then one
 * zstd frame with the JSON (restic: internal/repository/repository.go). Version 1 stored the JSON as it is, and upgraded
 * repositories still hold such files. The config is never compressed and does not come here.
 */
const compressedMark = 2

/** Encodes the plaintext of an unpacked file. */
export function encodeUnpacked(json: Uint8Array, zstd: Zstd): Buffer {
  const out = Buffer.allocUnsafeSlow(1 + compressBound(json.length))
  out[0] = compressedMark
  const length = zstd.compress(json, out.subarray(1), compressionLevels.auto)
  if (length === 0) throw new RangeError('compressed JSON is larger than its bound')
  return out.subarray(0, 1 + length)
}

export interface DecodeUnpackedOptions {
  readonly zstd: Zstd
  /** Most bytes of JSON that are accepted. */
  readonly max: number
  /** Version 1, or upgraded from it: JSON without the mark is accepted. */
  readonly plainAllowed: boolean
}

/** Returns the JSON bytes of an unpacked file (a view of `plain` where it is not compressed). Throws `UNPACKED_INVALID`. */
export function decodeUnpacked(plain: Uint8Array, { zstd, max, plainAllowed }: DecodeUnpackedOptions): Uint8Array {
  const first = plain[0]
  if (first === compressedMark) return decompressUnknown(plain.subarray(1), max, zstd)
  if (first === undefined) throw invalid('it is empty')
  const isJson = first === 0x7b || first === 0x5b // { or [
  if (!isJson) throw invalid(`its first byte is ${first}`)
  if (!plainAllowed) throw invalid('it is not compressed, and this repository never held such files')
  if (plain.length > max) throw invalid(`it is longer than ${max} bytes`)
  return plain
}

function invalid(reason: string): FormatError {
  return new FormatError('UNPACKED_INVALID', { reason })
}
