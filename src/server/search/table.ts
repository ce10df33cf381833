import type { SearchEntryType } from '#protocol'
import { bytesColumn, doublesColumn, wordsColumn } from './column.ts'
import { RecoveryPoints } from './recovery-points.ts'

/**
 * What is known of the files of one repository, in columns.
 *
 * A *path* is an entry of a folder, whatever was there: its number is larger than that of its folder. A *row* is a version
 * of a path (type, size, time, content) and the run of recovery points, in one series, in which it was there. Rows are only
 * added, and of those that are there only the end changes: so an update is written as what came since.
 */

/** The root, which has no name and no rows. */
export const rootPath = 0
/** In place of the number of a row: there is none. */
export const noRow = 0xffff_ffff
/** In place of a row's last slot: it goes on to the newest recovery point of its series, whichever that is. */
export const stillThere = 0xffff_ffff

/** Types that search tells apart, as they are stored. */
export const entryTypes = ['file', 'folder', 'link', 'other'] as const satisfies readonly SearchEntryType[]
export const folderType = 1

/** What makes one version of an entry different from another. */
export interface EntryVersion {
  /** Place in `entryTypes`. */
  readonly type: number
  readonly size: number
  /** Milliseconds since 1970; NaN for a folder, which has no versions of its own. */
  readonly mtime: number
  /** 64 bits of a hash of all that is not here: content, exact time and size. */
  readonly low: number
  readonly high: number
}

export const idBytes = 32

export class IndexTable {
  readonly points = new RecoveryPoints()
  /** Snapshot files that could not be read at the last update. */
  unreadable = 0

  readonly parents = wordsColumn()
  /** Where the name of each path ends in `names`; it begins where the one before ends. */
  readonly nameEnds = wordsColumn()
  readonly names = bytesColumn()
  /** The newest row of each path, from which `olderRows` leads to the others. Not stored. */
  readonly newestRows = wordsColumn()

  readonly rowPaths = wordsColumn()
  readonly firsts = wordsColumn()
  readonly lasts = wordsColumn()
  readonly lows = wordsColumn()
  readonly highs = wordsColumn()
  readonly sizes = doublesColumn()
  readonly mtimes = doublesColumn()
  readonly types = bytesColumn()
  /** Not stored. */
  readonly olderRows = wordsColumn()

  constructor() {
    this.addPath(rootPath, new Uint8Array(0))
  }

  get pathCount(): number {
    return this.parents.length
  }

  get rowCount(): number {
    return this.rowPaths.length
  }

  /** Bytes. */
  get memory(): number {
    return this.#columns.reduce((sum, { memory }) => sum + memory, 0)
  }

  /** Throws RangeError beyond 4 GiB of names, which the limit on rows comes before. */
  addPath(parent: number, name: Uint8Array): number {
    this.names.extend(name.length).set(name)
    this.parents.push(parent)
    this.nameEnds.push(this.names.length)
    this.newestRows.push(noRow)
    return this.parents.length - 1
  }

  addRow(
    path: number,
    version: EntryVersion,
    { first, last }: { readonly first: number; readonly last: number },
  ): void {
    this.rowPaths.push(path)
    this.firsts.push(first)
    this.lasts.push(last)
    this.lows.push(version.low)
    this.highs.push(version.high)
    this.sizes.push(version.size)
    this.mtimes.push(version.mtime)
    this.types.push(version.type)
    this.linkRows(this.rowPaths.length - 1)
  }

  /** Hangs the rows from `from` on, which have been loaded, to their paths. */
  linkRows(from: number): void {
    this.olderRows.reserve(this.rowCount - from)
    const { values: paths } = this.rowPaths
    const { values: newest } = this.newestRows
    const { values: older } = this.olderRows
    for (let row = from; row < this.rowCount; row++) {
      const path = paths[row] as number
      older[row] = newest[path] as number
      newest[path] = row
    }
    this.olderRows.length = this.rowCount
  }

  versionOf(row: number): EntryVersion {
    return {
      type: this.types.values[row] as number,
      size: this.sizes.values[row] as number,
      mtime: this.mtimes.values[row] as number,
      low: this.lows.values[row] as number,
      high: this.highs.values[row] as number,
    }
  }

  isSameVersion(row: number, other: number): boolean {
    return this.lows.values[row] === this.lows.values[other] && this.highs.values[row] === this.highs.values[other]
  }

  /** A view. */
  nameOf(path: number): Uint8Array {
    const start = path === 0 ? 0 : (this.nameEnds.values[path - 1] as number)
    return this.names.values.subarray(start, this.nameEnds.values[path])
  }

  /** The whole path, beginning with a slash. */
  pathOf(path: number): Buffer {
    let length = 0
    const { values: parents } = this.parents
    for (let at = path; at !== rootPath; at = parents[at] as number) length += this.nameOf(at).length + 1
    const whole = Buffer.allocUnsafe(length)
    for (let at = path; at !== rootPath; at = parents[at] as number) {
      const name = this.nameOf(at)
      length -= name.length
      whole.set(name, length)
      whole[--length] = slash
    }
    return whole
  }

  /** Gives all memory back. */
  release(): void {
    for (const column of this.#columns) column.release()
  }

  get #columns() {
    const paths = [this.parents, this.nameEnds, this.names, this.newestRows]
    const rows = [this.rowPaths, this.firsts, this.lasts, this.lows, this.highs, this.olderRows]
    return [...paths, ...rows, this.sizes, this.mtimes, this.types]
  }
}

const slash = 0x2f
