import { largestChunk, smallestChunk } from './chunker.ts'
import { remainder } from './polynomial.ts'

/**
 * The chunker as it is described: window, digest and the leading 1, one byte after the other. The digest is kept as two
 * numbers below 2^32, because a bigint for each byte would take minutes. The fast chunker is compared with it; returns the
 * lengths of all chunks.
 */
export function cutSimply(content: Buffer, chosen: bigint): number[] {
  const leaving = halves(Array.from({ length: 256 }, (_, b) => remainder(BigInt(b) << 504n, chosen)))
  const reduction = halves(
    Array.from({ length: 256 }, (_, b) => remainder(BigInt(b) << 53n, chosen) ^ (BigInt(b) << 53n)),
  )
  const cuts: number[] = []
  for (let start = 0; start < content.length; start += cuts.at(-1) ?? 0) {
    cuts.push(cutOnce(content.subarray(start, start + largestChunk), leaving, reduction))
  }
  return cuts
}

function cutOnce(chunk: Buffer, leaving: Halves, reduction: Halves): number {
  const window = new Uint8Array(64)
  let [high, low, at] = [0, 0, 0]
  const slide = (byte: number): void => {
    const out = window[at] as number
    window[at] = byte
    at = (at + 1) % 64
    high ^= leaving.high[out] as number
    low ^= leaving.low[out] as number
    const index = high >>> 13
    high = ((high << 8) | (low >>> 24)) ^ (reduction.high[index] as number)
    low = ((low << 8) | byte) ^ (reduction.low[index] as number)
  }
  slide(1)
  for (let i = smallestChunk - 64; i < chunk.length; i++) {
    slide(chunk[i] as number)
    if (i + 1 >= smallestChunk && (low & 0xfffff) === 0) return i + 1
  }
  return chunk.length
}

interface Halves {
  readonly high: Int32Array
  readonly low: Int32Array
}

function halves(values: readonly bigint[]): Halves {
  return {
    high: Int32Array.from(values, (value) => Number(BigInt.asIntN(32, value >> 32n))),
    low: Int32Array.from(values, (value) => Number(BigInt.asIntN(32, value))),
  }
}
