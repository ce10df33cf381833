import { RepositoryError } from '../errors.ts'

/** How much unused data may stay in the repository: that saves repacking. */
export type UnusedLimit = 'unlimited' | { readonly percent: number } | { readonly bytes: number }

export interface PruneLimits {
  /** Default: 5 % of the repository. */
  readonly maxUnused?: UnusedLimit | undefined
  /** Most bytes of packs that are repacked, and so about the space that a prune needs. Default: no limit. */
  readonly maxRepackBytes?: number | undefined
  /** Repacks only packs that hold trees. */
  readonly repackCacheableOnly?: boolean | undefined
  /** Compresses what a repository of version 1 left uncompressed. */
  readonly repackUncompressed?: boolean | undefined
  /** Packs below this many bytes count as small. Default: four fifths of what nearly all packs have. */
  readonly repackSmallerThan?: number | undefined
  /**
   * How long packs wait between being dropped from the index and being deleted, in milliseconds; 0: not at all.
   *
   * The wait is for those that a lock does not stop: a backup on a machine that slept until its lock became stale, or a
   * listing that is behind. They have that long to finish or to be seen, and what they need comes back. 23 hours, as
   * rustic's, and not 24: a daily prune then deletes what the one before dropped, even when it starts some minutes
   * earlier.
   */
  readonly keepDeleted?: number | undefined
  /**
   * For a repository whose disk is full to the last byte, where not even an index can be written: repacks nothing and
   * deletes old index files and unused packs before the new index is written. If that is interrupted, the index must be
   * rebuilt.
   */
  readonly unsafeRecoverNoFreeSpace?: boolean | undefined
}

export const defaultKeepDeleted = 23 * 3_600_000
export const defaultMaxUnused: UnusedLimit = { percent: 5 }

/** Bytes of unused blobs that may stay when the used ones take `used` bytes. */
export function unusedAllowed(limit: UnusedLimit, used: number): number {
  if (limit === 'unlimited') return Infinity
  return 'bytes' in limit ? limit.bytes : Math.floor((limit.percent / (100 - limit.percent)) * used)
}

/** Parses `5%`, `200M` or `unlimited`, as `--max-unused` takes it. Throws `OPTION_INVALID`. */
export function parseUnusedLimit(text: string): UnusedLimit {
  const trimmed = text.trim()
  if (trimmed === 'unlimited') return 'unlimited'
  if (!trimmed.endsWith('%')) return { bytes: parseSize(trimmed) }
  const percent = Number(trimmed.slice(0, -1))
  if (!/^\d*\.?\d+%$/.test(trimmed) || !(percent < 100)) {
    throw new RepositoryError('OPTION_INVALID', {
      value: text,
      what: 'limit of unused data',
      reason: 'a percentage must be at least 0 and below 100',
    })
  }
  return { percent }
}

const units: Readonly<Record<string, number>> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** Parses a number of bytes with one of restic's suffixes (`b`, `k`, `M`, `G`, `T`). Throws `OPTION_INVALID`. */
export function parseSize(text: string): number {
  const found = /^(\d+)([bkmgt]?)$/i.exec(text.trim())
  const bytes = found ? Number(found[1]) * (units[(found[2] || 'b').toLowerCase()] as number) : Number.NaN
  if (Number.isSafeInteger(bytes)) return bytes
  throw new RepositoryError('OPTION_INVALID', {
    value: text,
    what: 'size',
    reason: 'a size is a whole number, with k, M, G or T behind it if need be',
  })
}
