/** Search as its description says it, by going through every snapshot: what the index is held against. */
import type { SearchAnswer, SearchQuery } from '#protocol'
import type { ModelFile, ModelSnapshot } from './search-history.ts'

type Entry = ModelFile | 'folder'

interface Run {
  readonly entry: Entry
  readonly points: ModelSnapshot[]
}

/** Of a file that is found: what an answer says of it, in the order of paths. */
export interface NaiveFile {
  readonly host: string
  readonly path: string
  readonly deleted: readonly [string, string] | null
  readonly versions: readonly {
    readonly entry: string
    readonly first: string
    readonly last: string
    readonly count: number
  }[]
}

export function naiveSearch(snapshots: readonly ModelSnapshot[], query: SearchQuery): NaiveFile[] {
  const selected = snapshots.filter((snapshot) => isSelected(snapshot, query))
  const found: NaiveFile[] = []
  for (const host of new Set(selected.map((snapshot) => snapshot.host))) {
    const ofHost = selected.filter((snapshot) => snapshot.host === host)
    for (const path of new Set(ofHost.flatMap(({ entries }) => [...entries.keys()]))) {
      if (!hasWords(path, query) || !isBelow(path, query)) continue
      const file = judgeFile(host, path, { series: seriesOf(ofHost), query })
      if (file) found.push(file)
    }
  }
  return found.toSorted((a, b) => order(a, b))
}

/** The same of an answer. */
export function simplify({ files }: SearchAnswer): NaiveFile[] {
  return files
    .map(({ host, rawPath, deleted, versions }) => ({
      host,
      path: Buffer.from(rawPath, 'base64url').toString('latin1'),
      deleted: deleted && ([deleted.after.snapshot, deleted.before.snapshot] as const),
      versions: versions.map(({ type, size, modified, first, last, recoveryPoints }) => ({
        entry: type === 'folder' ? 'folder' : `${type} ${size} ${Date.parse(modified ?? '')}`,
        first: first.snapshot,
        last: last.snapshot,
        count: recoveryPoints,
      })),
    }))
    .toSorted((a, b) => order(a, b))
}

function order(a: NaiveFile, b: NaiveFile): number {
  return a.host !== b.host ? (a.host < b.host ? -1 : 1) : a.path < b.path ? -1 : a.path > b.path ? 1 : 0
}

function isSelected({ time, host, paths, tags }: ModelSnapshot, { recoveryPoints: wanted = {} }: SearchQuery): boolean {
  return (
    (!wanted.from || time >= Date.parse(wanted.from)) &&
    (!wanted.to || time <= Date.parse(wanted.to)) &&
    (!wanted.hosts || wanted.hosts.includes(host)) &&
    (wanted.paths ?? []).every((path) => paths.includes(path)) &&
    (wanted.tags ?? []).every((tag) => tags.includes(tag))
  )
}

function seriesOf(snapshots: readonly ModelSnapshot[]): ModelSnapshot[][] {
  const ordered = snapshots.toSorted((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1))
  return Object.values(Object.groupBy(ordered, ({ paths }) => paths.toSorted().join('\0'))) as ModelSnapshot[][]
}

function judgeFile(
  host: string,
  path: string,
  { series: all, query }: { readonly series: readonly (readonly ModelSnapshot[])[]; readonly query: SearchQuery },
): NaiveFile | undefined {
  const at = query.at === undefined ? Infinity : Date.parse(query.at)
  const withPath = all.filter((series) => series.some(({ entries }) => entries.has(path)))
  const ended = withPath.filter((series) => series.some(({ time }) => time <= at))
  const lastBy = (series: readonly ModelSnapshot[]) => series.findLast(({ time }) => time <= at) as ModelSnapshot
  const judging = ended
    .toSorted((a, b) => lastBy(a).time - lastBy(b).time || (lastBy(a).id < lastBy(b).id ? -1 : 1))
    .at(-1)
  const deletion = judging && deletionIn(judging, path)
  let runs = withPath.flatMap((series) => runsIn(series, path)).filter(({ entry }) => isWanted(entry, query))
  if (query.at !== undefined) {
    const point = judging && lastBy(judging)
    runs = runs.filter(({ points }) => point && points.includes(point))
  }
  if (runs.length === 0) return undefined
  if (query.deletedSince !== undefined || query.changedSince !== undefined) {
    const isDeleted = query.deletedSince && deletion && deletion[1].time > Date.parse(query.deletedSince)
    const isChanged = query.changedSince !== undefined && withPath.some((series) => isChangedIn(series, path, query))
    if (!isDeleted && !isChanged) return undefined
  }
  return {
    host,
    path,
    deleted: deletion ? [deletion[0].id, deletion[1].id] : null,
    versions: joinOverSeries(runs).map(describeRun),
  }
}

function runsIn(series: readonly ModelSnapshot[], path: string): Run[] {
  const runs: Run[] = []
  let isBroken = true
  for (const snapshot of series) {
    const entry = snapshot.entries.get(path)
    const last = runs.at(-1)
    if (entry === undefined) isBroken ||= snapshot.isWhole
    else if (!isBroken && last && keyOf(last.entry) === keyOf(entry)) last.points.push(snapshot)
    else {
      runs.push({ entry, points: [snapshot] })
      isBroken = false
    }
  }
  return runs
}

function deletionIn(
  series: readonly ModelSnapshot[],
  path: string,
): readonly [ModelSnapshot, ModelSnapshot] | undefined {
  const last = series.findLastIndex(({ entries }) => entries.has(path))
  const next = series.slice(last + 1).find(({ isWhole }) => isWhole)
  return next && [series[last] as ModelSnapshot, next]
}

/** A version begins after the moment, and something whole was there before that did not have it. */
function isChangedIn(series: readonly ModelSnapshot[], path: string, query: SearchQuery): boolean {
  return runsIn(series, path).some(({ entry, points: [first] }) => {
    if (!first || !isWanted(entry, query) || first.time <= Date.parse(query.changedSince ?? '')) return false
    return series.slice(0, series.indexOf(first)).some(({ isWhole }) => isWhole)
  })
}

function joinOverSeries(runs: readonly Run[]): Run[] {
  const joined: Run[] = []
  for (const run of runs.toSorted((a, b) => compare(a.points[0], b.points[0]))) {
    const last = joined.at(-1)
    const isSame = last && keyOf(last.entry) === keyOf(run.entry)
    if (!isSame || pathsOf(last) === pathsOf(run)) joined.push({ entry: run.entry, points: [...run.points] })
    else last.points.splice(0, Infinity, ...[...last.points, ...run.points].toSorted(compare))
  }
  return joined.toSorted((a, b) => compare(b.points.at(-1), a.points.at(-1)))
}

/** Of the recovery point up to which it goes. */
function pathsOf({ points }: Run): string | undefined {
  return points.at(-1)?.paths.toSorted().join('\0')
}

function compare(a: ModelSnapshot | undefined, b: ModelSnapshot | undefined): number {
  if (!a || !b) throw new Error('A version has at least one recovery point.')
  return a.time - b.time || (a.id < b.id ? -1 : 1)
}

function describeRun({ entry, points }: Run) {
  return {
    entry: entry === 'folder' ? 'folder' : `${entry.kind} ${entry.size} ${entry.modified}`,
    first: points[0]?.id ?? '',
    last: points.at(-1)?.id ?? '',
    count: points.length,
  }
}

function keyOf(entry: Entry): string {
  return JSON.stringify(entry)
}

function isWanted(entry: Entry, { types, modified, size }: SearchQuery): boolean {
  const kind = entry === 'folder' ? 'folder' : entry.kind
  if (types && !types.includes(kind)) return false
  if (!modified && !size) return true
  if (entry === 'folder') return false
  const isInTime =
    (!modified?.from || entry.modified >= Date.parse(modified.from)) &&
    (!modified?.to || entry.modified <= Date.parse(modified.to))
  return isInTime && entry.size >= (size?.from ?? 0) && entry.size <= (size?.to ?? Infinity)
}

function isBelow(path: string, { folder }: SearchQuery): boolean {
  return folder === undefined || folder === '/' || path.startsWith(`${folder}/`)
}

/** Words without quotation marks and slashes. */
function hasWords(path: string, { text, within }: SearchQuery): boolean {
  const names = path.slice(1).split('/').map(foldSimply)
  const looked = within === 'name' ? names.slice(-1) : names
  const words = text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => foldSimply(Buffer.from(word).toString('latin1')))
  return words.every((word) => looked.some((name) => hasWord(name, word)))
}

function hasWord(name: string, word: string): boolean {
  if (!/[*?]/.test(word)) return name.includes(word)
  const source = word
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 'su').test(name)
}

function foldSimply(name: string): string {
  const text = Buffer.from(name, 'latin1').toString('utf8')
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ß', 'ss')
}
