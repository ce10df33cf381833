import type { FoundFile, FoundVersion } from '#protocol'
import { formatMilliseconds } from './format-time.ts'
import { Judge, matchesVersion } from './find-files.ts'
import type { Hosts } from './find-files.ts'
import type { ParsedQuery } from './query.ts'
import type { RecoveryPoint } from './recovery-points.ts'
import type { Selection } from './selection.ts'
import { entryTypes, folderType, noRow } from './table.ts'
import type { IndexTable } from './table.ts'

/** What is told of a file that was found. */

export interface FileToDescribe {
  readonly path: number
  /** Number of the host. */
  readonly host: number
  readonly machine: string
  readonly repository: string
}

export class Describer {
  readonly #table: IndexTable
  readonly #query: ParsedQuery
  readonly #selection: Selection
  readonly #hosts: Hosts
  readonly #judge: Judge

  constructor(
    table: IndexTable,
    query: ParsedQuery,
    { selection, hosts }: { readonly selection: Selection; readonly hosts: Hosts },
  ) {
    this.#table = table
    this.#query = query
    this.#selection = selection
    this.#hosts = hosts
    this.#judge = new Judge(table, selection, { query, hosts })
  }

  describe({ path, host, machine, repository }: FileToDescribe): FoundFile {
    this.#judge.isFound(path, host)
    const whole = this.#table.pathOf(path)
    const asked = this.#joinInSeries(this.#runsOf(path, host)).filter(({ isAsked }) => isAsked)
    const runs = this.#joinAcrossSeries(asked)
    runs.sort((a, b) => this.#compareTimes(b.to, a.to))
    return {
      machine,
      repository,
      host: this.#hosts.names[host] ?? '',
      path: whole.toString(),
      rawPath: whole.toString('base64url'),
      deleted: this.#describeDeletion(),
      versions: runs.slice(0, this.#query.versions).map((run) => this.#describeVersion(run)),
      versionCount: runs.length,
    }
  }

  #describeDeletion(): FoundFile['deleted'] {
    const { last, deletedBefore } = this.#judge
    return deletedBefore < 0 ? null : { after: this.#pointAt(last), before: this.#pointAt(deletedBefore) }
  }

  #describeVersion({ row, from, to, count }: Run): FoundVersion {
    const { sizes, mtimes, types } = this.#table
    const type = types.values[row] as number
    return {
      type: entryTypes[type] ?? 'other',
      size: sizes.values[row] as number,
      modified: type === folderType ? null : formatMilliseconds(mtimes.values[row] as number),
      first: this.#pointAt(from),
      last: this.#pointAt(to),
      recoveryPoints: count,
    }
  }

  #pointAt(position: number): { readonly snapshot: string; readonly time: string } {
    const { id, time } = this.#table.points.points[this.#selection.slots[position] as number] as RecoveryPoint
    return { snapshot: id, time }
  }

  /** The versions in what is selected, series by series. */
  #runsOf(path: number, host: number): Run[] {
    const { newestRows, olderRows } = this.#table
    const { countBefore, atTime } = this.#selection
    const judge = this.#judge
    const runs: Run[] = []
    for (let row = newestRows.values[path] as number; row !== noRow; row = olderRows.values[row] as number) {
      const series = judge.seriesOf(row, host)
      if (series < 0) continue
      const [from, to] = [judge.from(row), judge.to(row, series)]
      if (from > to) continue
      const isAtTime = series === judge.series && judge.isAt(row, atTime[series] as number)
      const isAsked = matchesVersion(this.#table, row, this.#query) && (this.#query.at === undefined || isAtTime)
      const count = (countBefore[to + 1] as number) - (countBefore[from] as number)
      runs.push({ row, series, from, to, count, isAsked })
    }
    return runs.sort((a, b) => a.from - b.from)
  }

  /** One for two of the same version when what lies between them is forgotten, could not be read, or was not asked for. */
  #joinInSeries(runs: readonly Run[]): Run[] {
    const joined: Run[] = []
    for (const run of runs) {
      const last = joined.at(-1)
      const next = last?.series === run.series ? (this.#selection.wholeAfter[last.to] as number) : 0
      const isNext = next < 0 || next >= run.from
      if (!last || last.series !== run.series || !isNext || !this.#table.isSameVersion(last.row, run.row))
        joined.push(run)
      else {
        const isAsked = last.isAsked || run.isAsked
        joined[joined.length - 1] = { ...last, to: run.to, count: last.count + run.count, isAsked }
      }
    }
    return joined
  }

  /** One for two of the same version that follow one another in different series: what is backed up was changed. */
  #joinAcrossSeries(runs: readonly Run[]): Run[] {
    const joined: Run[] = []
    for (const run of runs.toSorted((a, b) => this.#compareTimes(a.from, b.from))) {
      const last = joined.at(-1)
      if (!last || last.series === run.series || !this.#table.isSameVersion(last.row, run.row)) joined.push(run)
      else {
        const { to, series } = this.#compareTimes(run.to, last.to) > 0 ? run : last
        joined[joined.length - 1] = { ...last, to, series, count: last.count + run.count }
      }
    }
    return joined
  }

  /** Positions by the times of their recovery points; of two at one moment by their ids. */
  #compareTimes(a: number, b: number): number {
    const { times } = this.#selection
    return (
      (times[a] as number) - (times[b] as number) || (this.#pointAt(a).snapshot < this.#pointAt(b).snapshot ? -1 : 1)
    )
  }
}

interface Run {
  readonly row: number
  readonly series: number
  /** Positions. */
  readonly from: number
  readonly to: number
  /** Recovery points that have it. */
  readonly count: number
  /** Whether the query is about it: this version, and there at the time that is asked for, if one is. */
  readonly isAsked: boolean
}
