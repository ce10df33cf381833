import { UnderstudyError } from '#base'
import type { FoundFile, SearchAnswer, SearchQuery } from '#protocol'
import { Describer } from './describe-file.ts'
import { findFiles } from './find-files.ts'
import type { FoundPaths } from './find-files.ts'
import { formatMilliseconds } from './format-time.ts'
import type { LoadedIndex, LoadedIndexes } from './loaded-indexes.ts'
import { parseQuery } from './query.ts'
import type { ParsedQuery } from './query.ts'
import { FirstOf } from './ranking.ts'
import type { Cursors, Rank } from './ranking.ts'

/** A page of what is found in the indexes of many repositories. */

/** A repository that is to be searched. */
export interface SearchScope {
  readonly repository: string
  /** Whose repository it is. */
  readonly machine: string
  /** The generation that its index has reached: an older one is not believed. */
  readonly atLeast: number
}

interface RankedFile extends Rank {
  /** Of the files found in its repository, this one. */
  readonly at: number
  file: FoundFile | undefined
}

export interface PageOptions {
  readonly indexes: LoadedIndexes
  readonly cursors: Cursors
  /** Asked before each repository: throws when nobody waits for the answer any more. */
  readonly throwIfCancelled: () => void
}

/** Throws `SEARCH_QUERY_INVALID`, `SEARCH_CURSOR_INVALID`. An index that is of no use is told in the answer. */
export function searchPage(
  query: SearchQuery,
  scopes: readonly SearchScope[],
  { indexes, cursors, throwIfCancelled }: PageOptions,
): SearchAnswer {
  const parsed = parseQuery(query)
  const first = new FirstOf<RankedFile>(parsed.limit, cursors.parse(query))
  const answer = { total: 0, searched: [] as SearchAnswer['searched'], notSearched: [] as SearchAnswer['notSearched'] }
  for (const scope of scopes) {
    throwIfCancelled()
    try {
      const index = indexes.get(scope.repository, scope.atLeast)
      const found = findFiles(index.table, index.names, parsed)
      answer.total += found.paths.length
      answer.searched.push(tellSearched(scope, index, found))
      offerAll(first, index, found, scope)
      describeOwn(first, index, { found, parsed, scope })
    } catch (thrown) {
      if (!(thrown instanceof UnderstudyError)) throw thrown
      answer.notSearched.push({ repository: scope.repository, code: thrown.code, message: thrown.message })
    }
  }
  const items = first.items()
  const last = first.hasMore ? items.at(-1) : undefined
  const files = items.flatMap(({ file }) => file ?? [])
  return { files, ...answer, cursor: last ? cursors.format(query, last) : null }
}

function offerAll(
  first: FirstOf<RankedFile>,
  { table }: LoadedIndex,
  found: FoundPaths,
  { repository }: SearchScope,
): void {
  const { paths, ratings, dates, hostNumbers, hosts } = found
  for (let at = 0; at < paths.length; at++) {
    const [rating, date] = [ratings[at] as number, dates[at] as number]
    if (!first.mayTake(rating, date)) continue
    const host = hosts.names[hostNumbers[at] as number] ?? ''
    first.offer({ rating, date, path: table.pathOf(paths[at] as number), repository, host, at, file: undefined })
  }
}

/** Now, while the index is in memory; some may still be pushed out by those of other repositories. */
function describeOwn(
  first: FirstOf<RankedFile>,
  { table }: LoadedIndex,
  { found, parsed, scope }: { readonly found: FoundPaths; readonly parsed: ParsedQuery; readonly scope: SearchScope },
): void {
  const describer = new Describer(table, parsed, found)
  for (const item of first.items()) {
    if (item.repository !== scope.repository || item.file) continue
    const [path, host] = [found.paths[item.at] as number, found.hostNumbers[item.at] as number]
    item.file = describer.describe({ path, host, machine: scope.machine, repository: scope.repository })
  }
}

function tellSearched(
  { repository }: SearchScope,
  { table }: LoadedIndex,
  { selection }: FoundPaths,
): SearchAnswer['searched'][number] {
  let newest = -Infinity
  let incomplete = 0
  selection.slots.forEach((slot, position) => {
    if (selection.atOrAfter[slot] !== position) return
    newest = Math.max(newest, selection.times[position] as number)
    if (!table.points.points[slot]?.isWhole) incomplete++
  })
  return {
    repository,
    recoveryPoints: selection.selected,
    newest: newest === -Infinity ? null : formatMilliseconds(newest),
    incomplete,
    unreadable: table.unreadable,
  }
}
