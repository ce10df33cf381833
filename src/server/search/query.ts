import type { SearchEntryType, SearchQuery } from '#protocol'
import { SearchError } from './errors.ts'
import { entryTypes } from './table.ts'
import { parseWords } from './words.ts'
import type { Word } from './words.ts'

/** A query as it is worked on: times in milliseconds since 1970, the folder as names, words folded. */
export interface ParsedQuery {
  readonly words: readonly Word[]
  readonly nameOnly: boolean
  /** Names from the root. */
  readonly folder: readonly Buffer[] | undefined
  /** Bits by the places of types in `entryTypes`. */
  readonly types: number
  readonly modified: Range | undefined
  readonly size: Range | undefined
  readonly at: number | undefined
  readonly deletedSince: number | undefined
  readonly changedSince: number | undefined
  readonly points: PointFilter
  readonly limit: number
  readonly versions: number
}

export interface Range {
  readonly from: number
  readonly to: number
}

export interface PointFilter {
  readonly time: Range
  readonly hosts: readonly string[] | undefined
  readonly paths: readonly string[]
  readonly tags: readonly string[]
}

/** Throws `SEARCH_QUERY_INVALID`. */
export function parseQuery(query: SearchQuery): ParsedQuery {
  const { recoveryPoints: points = {}, types = entryTypes, modified, size } = query
  return {
    words: parseWords(query.text),
    nameOnly: query.within === 'name',
    folder: parseFolder(query),
    types: typeBits(types),
    modified: modified && timeRange(modified),
    size: size && { from: size.from ?? 0, to: size.to ?? Infinity },
    at: parseTime(query.at),
    deletedSince: parseTime(query.deletedSince),
    changedSince: parseTime(query.changedSince),
    points: { time: timeRange(points), hosts: points.hosts, paths: points.paths ?? [], tags: points.tags ?? [] },
    limit: query.limit,
    versions: query.versions,
  }
}

function typeBits(types: readonly SearchEntryType[]): number {
  let bits = 0
  for (const type of types) bits |= 1 << entryTypes.indexOf(type)
  return bits
}

function timeRange({ from, to }: { readonly from?: string | undefined; readonly to?: string | undefined }): Range {
  return { from: parseTime(from) ?? -Infinity, to: parseTime(to) ?? Infinity }
}

function parseTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const time = Date.parse(text)
  if (Number.isNaN(time)) throw new SearchError('SEARCH_QUERY_INVALID', { reason: `"${text}" is no time` })
  return time
}

function parseFolder({ folder, rawFolder }: SearchQuery): Buffer[] | undefined {
  if (folder !== undefined && rawFolder !== undefined) {
    throw new SearchError('SEARCH_QUERY_INVALID', { reason: 'the folder is given twice' })
  }
  if (folder === undefined && rawFolder === undefined) return undefined
  const path = rawFolder === undefined ? Buffer.from(folder ?? '') : Buffer.from(rawFolder, 'base64url')
  const names: Buffer[] = []
  for (let start = 0; start <= path.length;) {
    const slash = path.indexOf('/', start)
    const end = slash < 0 ? path.length : slash
    if (end > start) names.push(path.subarray(start, end))
    start = end + 1
  }
  return names
}
