import { doublesColumn, wordsColumn } from './column.ts'
import type { FoldedNames } from './fold.ts'
import type { ParsedQuery } from './query.ts'
import { selectPoints } from './selection.ts'
import type { Selection } from './selection.ts'
import { folderType, noRow, rootPath, stillThere } from './table.ts'
import type { IndexTable } from './table.ts'
import { findWords } from './words.ts'

/** Which files of one repository a query finds. What is told of them, and in which order, comes after. */

/** The files that were found: for each its path, the number of its host, and what decides the order. */
export interface FoundPaths {
  readonly selection: Selection
  readonly hosts: Hosts
  readonly paths: Uint32Array
  readonly hostNumbers: Uint32Array
  /** How well the names have the words. */
  readonly ratings: Uint32Array
  /** Milliseconds since 1970; -Infinity where there is none. */
  readonly dates: Float64Array
}

/** The hosts of a repository: files of one path on two hosts are two. */
export interface Hosts {
  readonly names: readonly string[]
  /** By series. */
  readonly ofSeries: Uint32Array
}

export function findFiles(table: IndexTable, names: FoldedNames, query: ParsedQuery): FoundPaths {
  const selection = selectPoints(table.points, query)
  const hosts = listHosts(table)
  const { isWanted, ratings } = choosePaths(table, names, query)
  const found = { paths: wordsColumn(), hosts: wordsColumn(), ratings: wordsColumn(), dates: doublesColumn() }
  const judge = new Judge(table, selection, { query, hosts })
  for (let path = 1; path < table.pathCount; path++) {
    if (isWanted && isWanted[path] === 0) continue
    for (const host of judge.hostsOf(path)) {
      if (!judge.isFound(path, host)) continue
      found.paths.push(path)
      found.hosts.push(host)
      found.ratings.push(ratings?.[path] ?? 0)
      found.dates.push(judge.date)
    }
  }
  return {
    selection,
    hosts,
    paths: found.paths.values.subarray(0, found.paths.length),
    hostNumbers: found.hosts.values.subarray(0, found.hosts.length),
    ratings: found.ratings.values.subarray(0, found.ratings.length),
    dates: found.dates.values.subarray(0, found.dates.length),
  }
}

function listHosts({ points }: IndexTable): Hosts {
  const names = [...new Set(points.series.map(({ host }) => host))]
  return { names, ofSeries: Uint32Array.from(points.series, ({ host }) => names.indexOf(host)) }
}

interface ChosenPaths {
  /** 1 for each path that the words and the folder allow; undefined: all. */
  readonly isWanted: Uint8Array | undefined
  readonly ratings: Uint16Array | undefined
}

function choosePaths(table: IndexTable, names: FoldedNames, { words, nameOnly, folder }: ParsedQuery): ChosenPaths {
  if (words.length === 0 && !folder) return { isWanted: undefined, ratings: undefined }
  const isWanted = new Uint8Array(table.pathCount).fill(1)
  if (folder) keepBelow(table, folder, isWanted)
  if (words.length === 0) return { isWanted, ratings: undefined }
  const { own, ratings } = findWords(table, names, words)
  const all = 2 ** words.length - 1
  const { values: parents } = table.parents
  // A folder has a smaller number than what is in it, so what it has is known by then.
  for (let path = 1; path < own.length; path++) {
    if (!nameOnly) own[path] = (own[path] as number) | (own[parents[path] as number] as number)
    if (own[path] !== all) isWanted[path] = 0
  }
  return { isWanted, ratings }
}

function keepBelow(table: IndexTable, folder: readonly Buffer[], isWanted: Uint8Array): void {
  const top = findFolder(table, folder)
  const { values: parents } = table.parents
  const isBelow = new Uint8Array(table.pathCount)
  for (let path = 1; path < isBelow.length; path++) {
    const parent = parents[path] as number
    if (parent === top || isBelow[parent] === 1) isBelow[path] = 1
    else isWanted[path] = 0
  }
}

/** Undefined when the index has no such path. */
function findFolder(table: IndexTable, names: readonly Buffer[]): number | undefined {
  const { values: parents } = table.parents
  let folder = rootPath
  for (const name of names) {
    let path = folder + 1
    while (path < table.pathCount && !(parents[path] === folder && name.equals(table.nameOf(path)))) path++
    if (path === table.pathCount) return undefined
    folder = path
  }
  return folder
}

/** Whether a version is one that the query is about. */
export function matchesVersion(table: IndexTable, row: number, { types, modified, size }: ParsedQuery): boolean {
  const type = table.types.values[row] as number
  if ((types & (1 << type)) === 0) return false
  if (!modified && !size) return true
  if (type === folderType) return false
  const mtime = table.mtimes.values[row] as number
  if (modified && !(mtime >= modified.from && mtime <= modified.to)) return false
  const bytes = table.sizes.values[row] as number
  return !size || (bytes >= size.from && bytes <= size.to)
}

/** Judges one file after the other. Its fields are what the last one was: this runs a million times for each query. */
export class Judge {
  /** By which the file is sorted: of what was asked for, or of its newest version. */
  date = 0
  /** The series that tells whether the file is still there: of those that ever had it, the one that goes on longest. */
  series = -1
  /** The last position in that series that has the file. */
  last = -1
  readonly #table: IndexTable
  readonly #selection: Selection
  readonly #query: ParsedQuery
  readonly #hosts: Hosts
  readonly #found: number[] = [0]

  constructor(
    table: IndexTable,
    selection: Selection,
    { query, hosts }: { readonly query: ParsedQuery; readonly hosts: Hosts },
  ) {
    this.#table = table
    this.#selection = selection
    this.#query = query
    this.#hosts = hosts
  }

  /** The hosts that have a path; used before the next call. */
  hostsOf(path: number): readonly number[] {
    if (this.#hosts.names.length <= 1) return this.#found
    const { newestRows, olderRows, firsts, points } = this.#table
    this.#found.length = 0
    for (let row = newestRows.values[path] as number; row !== noRow; row = olderRows.values[row] as number) {
      const host = this.#hosts.ofSeries[points.seriesOf[firsts.values[row] as number] as number] as number
      if (!this.#found.includes(host)) this.#found.push(host)
    }
    return this.#found
  }

  isFound(path: number, host: number): boolean {
    const { at, deletedSince, changedSince } = this.#query
    if (!this.#gather(path, host)) return false
    if (at !== undefined && !this.#isThereAtTime(path, host)) return false
    if (deletedSince === undefined && changedSince === undefined) return true
    const { times } = this.#selection
    const gone = this.deletedBefore
    const deleted = deletedSince !== undefined && gone >= 0 && (times[gone] as number) > deletedSince
    const changed = changedSince === undefined ? -Infinity : this.#newestChange(path, host, changedSince)
    this.date = Math.max(deleted ? (times[gone] as number) : -Infinity, changed)
    return this.date > -Infinity
  }

  /** The position that was the first to show that the file is gone; -1 when none does. */
  get deletedBefore(): number {
    return this.last < 0 ? -1 : (this.#selection.wholeAfter[this.last] as number)
  }

  /** First and last position of a row among what is selected; the first is larger when it is in none. */
  from(row: number): number {
    return this.#selection.atOrAfter[this.#table.firsts.values[row] as number] as number
  }

  to(row: number, series: number): number {
    const last = this.#table.lasts.values[row] as number
    return (last === stillThere ? this.#selection.newest[series] : this.#selection.atOrBefore[last]) as number
  }

  /** The series of a row, -1 for one of another host. */
  seriesOf(row: number, host: number): number {
    const series = this.#table.points.seriesOf[this.#table.firsts.values[row] as number] as number
    return this.#hosts.ofSeries[series] === host ? series : -1
  }

  /** False when no selected version is one that the query is about. */
  #gather(path: number, host: number): boolean {
    const { newestRows, olderRows, mtimes } = this.#table
    const { ranks } = this.#selection
    let isAny = false
    let date = -Infinity
    let best = -1
    this.series = -1
    this.last = -1
    for (let row = newestRows.values[path] as number; row !== noRow; row = olderRows.values[row] as number) {
      const series = this.seriesOf(row, host)
      if (series < 0) continue
      const to = this.to(row, series)
      if (this.from(row) > to) continue
      const rank = ranks[series] as number
      if (rank > best) {
        this.series = series
        this.last = -1
        best = rank
      }
      if (series === this.series && to > this.last) this.last = to
      if (!matchesVersion(this.#table, row, this.#query)) continue
      isAny = true
      const mtime = mtimes.values[row] as number
      if (mtime > date) date = mtime
    }
    this.date = date
    return isAny
  }

  /** Whether a version that the query is about was there at the time that is asked for. */
  #isThereAtTime(path: number, host: number): boolean {
    const { newestRows, olderRows, mtimes } = this.#table
    const position = this.series < 0 ? -1 : (this.#selection.atTime[this.series] as number)
    if (position < 0) return false
    for (let row = newestRows.values[path] as number; row !== noRow; row = olderRows.values[row] as number) {
      if (this.seriesOf(row, host) !== this.series || !this.isAt(row, position)) continue
      if (!matchesVersion(this.#table, row, this.#query)) continue
      const mtime = mtimes.values[row] as number
      this.date = mtime > -Infinity ? mtime : -Infinity
      return true
    }
    return false
  }

  isAt(row: number, position: number): boolean {
    const { series } = this
    return this.from(row) <= position && position <= this.to(row, series)
  }

  /** When the newest change after `since` was first seen, of versions that the query is about; -Infinity without one. */
  #newestChange(path: number, host: number, since: number): number {
    const { newestRows, olderRows } = this.#table
    const { times } = this.#selection
    let newest = -Infinity
    for (let row = newestRows.values[path] as number; row !== noRow; row = olderRows.values[row] as number) {
      const series = this.seriesOf(row, host)
      if (series < 0) continue
      const from = this.from(row)
      if (from > this.to(row, series)) continue
      const time = times[from] as number
      if (!(time > since && time > newest) || !matchesVersion(this.#table, row, this.#query)) continue
      if (this.#isChange(path, row, { from, series })) newest = time
    }
    return newest
  }

  /**
   * Whether the version was not there before: the first recovery point of all is no change, and neither is a version that only
   * seems to be gone in between, because snapshots are forgotten or folders could not be read.
   */
  #isChange(path: number, row: number, { from, series }: { readonly from: number; readonly series: number }): boolean {
    const { newestRows, olderRows, points, firsts } = this.#table
    const before = this.#selection.wholeBefore[from] as number
    if (before < 0) return false
    let [last, lastTo] = [noRow, -1]
    for (let other = newestRows.values[path] as number; other !== noRow; other = olderRows.values[other] as number) {
      if (other === row || points.seriesOf[firsts.values[other] as number] !== series) continue
      const to = this.to(other, series)
      if (to < from && to > lastTo && this.from(other) <= to) [last, lastTo] = [other, to]
    }
    return lastTo < before || !this.#table.isSameVersion(last, row)
  }
}
