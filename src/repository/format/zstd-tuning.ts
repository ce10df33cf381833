import { constants } from 'node:zlib'

/** How zstd looks for what repeats; 0 leaves a choice to the level. */
export interface Tuning {
  readonly strategy: number
  /** Shortest repetition that counts. */
  readonly minMatch: number
  /** Sizes of its tables, as powers of two: small ones stay in the processor's cache. */
  readonly hashLog: number
  readonly chainLog: number
}

const untuned: Tuning = { strategy: 0, minMatch: 0, hashLog: 0, chainLog: 0 }

/**
 * For the usual level, by the length of what is compressed: an eighth less time than with zstd's own choice at the same size, within half a
 * percent, on program files and on text alike (docs/performance.md). Level 3 by itself is made for streams of hundreds of kilobytes.
 */
const usual = {
  short: { strategy: constants.ZSTD_fast, minMatch: 5, hashLog: 15, chainLog: 0 },
  middle: { strategy: 0, minMatch: 5, hashLog: 16, chainLog: 15 },
  long: { strategy: 0, minMatch: 5, hashLog: 16, chainLog: 14 },
} as const

const usualLevel = 3
const longestShort = 64 << 10
const longestMiddle = 256 << 10

/** The tuning for `length` bytes at a level. The same object for all of a kind. */
export function tuningFor(level: number, length: number): Tuning {
  if (level !== usualLevel) return untuned
  if (length <= longestShort) return usual.short
  return length <= longestMiddle ? usual.middle : usual.long
}

/** zstd's numbers of these parameters (zstd.h, `ZSTD_cParameter`), with the values of a tuning. */
export function tuningParameters({
  strategy,
  minMatch,
  hashLog,
  chainLog,
}: Tuning): readonly (readonly [number, number])[] {
  return [
    [constants.ZSTD_c_strategy, strategy],
    [constants.ZSTD_c_minMatch, minMatch],
    [constants.ZSTD_c_hashLog, hashLog],
    [constants.ZSTD_c_chainLog, chainLog],
  ]
}
