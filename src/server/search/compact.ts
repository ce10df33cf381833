import { wordsColumn } from './column.ts'
import type { Column } from './column.ts'
import type { FolderTrees } from './folder-trees.ts'
import type { PointRecord, SegmentContent } from './segment.ts'
import type { RecoveryPoint, Series } from './recovery-points.ts'
import { idBytes, noRow, rootPath, stillThere } from './table.ts'
import type { IndexTable } from './table.ts'

/**
 * An index written anew, without what forgotten snapshots left in it, and with the rows of each path side by side. Memory: 16
 * bytes a row and 4 a path beside the index itself; columns are gathered piece by piece while they are written.
 */
export function compactSegment(table: IndexTable, trees: FolderTrees): SegmentContent {
  const slots = chooseSlots(table)
  const rows = chooseRows(table, slots)
  const paths = choosePaths(table, rows)
  const entries = [...trees.current()].filter((entry) => isOfKept(trees, entry, { paths, slots }))
  const head = {
    points: slots.order.map((slot) => recordOf(table, slot)),
    changedPoints: [],
    unreadable: table.unreadable,
    paths: paths.kept.length - 1,
    nameBytes: paths.kept.reduce((sum, path) => sum + table.nameOf(path).length, 0),
    rows: rows.chosen.length,
    ends: 0,
    trees: entries.length,
  }
  return { head, parts: gatherParts(table, trees, { slots, rows, paths, entries }) }
}

interface Slots {
  /** The slots that stay, in their new order. */
  readonly order: readonly number[]
  /** New number of each slot, -1 for one that goes. */
  readonly numbers: Int32Array
  /** New number of each series, -1 for one that goes. */
  readonly series: Int32Array
}

/**
 * Live slots stay, and the newest of each series that has any: also when it was forgotten, for it is what the next snapshot is
 * compared with.
 */
function chooseSlots({ points }: IndexTable): Slots {
  const order: number[] = []
  const numbers = new Int32Array(points.size).fill(-1)
  const series = new Int32Array(points.series.length).fill(-1)
  let kept = 0
  points.series.forEach((one, number) => {
    if (!one.order.some((slot) => points.isLive[slot])) return
    series[number] = kept++
    for (const slot of one.order) {
      if (points.isLive[slot] || slot === one.order.at(-1)) numbers[slot] = order.push(slot) - 1
    }
  })
  return { order, numbers, series }
}

interface Rows {
  /** Old number of each row that stays, those of one path together. */
  readonly chosen: Column<Uint32Array<ArrayBuffer>>
  /** New slots of each. */
  readonly firsts: Column<Uint32Array<ArrayBuffer>>
  readonly lasts: Column<Uint32Array<ArrayBuffer>>
}

interface Run {
  readonly row: number
  readonly series: number
  /** Places in the series among the slots that stay. */
  readonly from: number
  to: number
  isOpen: boolean
}

function chooseRows(table: IndexTable, slots: Slots): Rows {
  const [chosen, firsts, lasts] = [wordsColumn(), wordsColumn(), wordsColumn()]
  const places = keptPlaces(table.points.series, slots)
  for (let path = 1; path < table.pathCount; path++) {
    for (const { row, series, from, to, isOpen } of joinRuns(table, runsOf(table, path, places))) {
      const order = places.orders[series] as readonly number[]
      chosen.push(row)
      firsts.push(slots.numbers[order[from] as number] as number)
      lasts.push(isOpen ? stillThere : (slots.numbers[order[to] as number] as number))
    }
  }
  return { chosen, firsts, lasts }
}

interface KeptPlaces {
  /** For each slot: the place of the first kept one not before it, and of the last not after it, in its series. */
  readonly atOrAfter: Int32Array
  readonly atOrBefore: Int32Array
  /** Kept slots of each series. */
  readonly orders: readonly (readonly number[])[]
}

function keptPlaces(series: readonly Series[], { numbers }: Slots): KeptPlaces {
  const [atOrAfter, atOrBefore] = [new Int32Array(numbers.length), new Int32Array(numbers.length)]
  const orders = series.map(({ order }) => {
    let kept = 0
    for (const slot of order) {
      atOrAfter[slot] = kept
      if ((numbers[slot] as number) >= 0) kept++
      atOrBefore[slot] = kept - 1
    }
    return order.filter((slot) => (numbers[slot] as number) >= 0)
  })
  return { atOrAfter, atOrBefore, orders }
}

function runsOf(table: IndexTable, path: number, { atOrAfter, atOrBefore, orders }: KeptPlaces): Run[] {
  const runs: Run[] = []
  for (let row = table.newestRows.values[path] as number; row !== noRow; row = table.olderRows.values[row] as number) {
    const first = table.firsts.values[row] as number
    const last = table.lasts.values[row] as number
    const series = table.points.seriesOf[first] as number
    const isOpen = last === stillThere
    const from = atOrAfter[first] as number
    const to = isOpen ? (orders[series]?.length ?? 0) - 1 : (atOrBefore[last] as number)
    if (from <= to) runs.push({ row, series, from, to, isOpen })
  }
  return runs.length > 1 ? runs.sort((a, b) => a.series - b.series || a.from - b.from) : runs
}

/** One run for two of the same version with nothing between them any more. */
function joinRuns(table: IndexTable, runs: readonly Run[]): Run[] {
  const joined: Run[] = []
  for (const run of runs) {
    const last = joined.at(-1)
    if (last && last.series === run.series && last.to + 1 === run.from && table.isSameVersion(last.row, run.row)) {
      last.to = run.to
      last.isOpen = run.isOpen
    } else joined.push(run)
  }
  return joined
}

interface Paths {
  /** Old numbers. */
  readonly kept: Uint32Array
  /** New numbers; 0 for one that goes, and for the root. */
  readonly numbers: Uint32Array
}

/** Those with rows, and the folders above them. The order stays, so that a folder keeps coming before what is in it. */
function choosePaths(table: IndexTable, { chosen }: Rows): Paths {
  const numbers = new Uint32Array(table.pathCount)
  for (let at = 0; at < chosen.length; at++) {
    let path = table.rowPaths.values[chosen.values[at] as number] as number
    for (; path !== rootPath && numbers[path] === 0; path = table.parents.values[path] as number) numbers[path] = 1
  }
  let count = 1
  for (let path = 1; path < numbers.length; path++) if (numbers[path] === 1) numbers[path] = count++
  const kept = new Uint32Array(count)
  for (let path = 1; path < numbers.length; path++) if (numbers[path] !== 0) kept[numbers[path] as number] = path
  return { kept, numbers }
}

interface Chosen {
  readonly slots: Slots
  readonly rows: Rows
  readonly paths: Paths
}

/** Trees of series that have lost their newest slot, or of paths that are gone, are of no use. */
function isOfKept(trees: FolderTrees, entry: number, { paths, slots }: Pick<Chosen, 'paths' | 'slots'>): boolean {
  const path = trees.paths.values[entry] as number
  const series = trees.series.values[entry] as number
  return (slots.series[series] as number) >= 0 && (path === rootPath || paths.numbers[path] !== 0)
}

function recordOf({ points }: IndexTable, slot: number): PointRecord {
  return { point: points.points[slot] as RecoveryPoint, isLive: points.isLive[slot] === true }
}

function* gatherParts(
  table: IndexTable,
  trees: FolderTrees,
  { slots, rows, paths, entries }: Chosen & { readonly entries: readonly number[] },
): Iterable<Uint8Array> {
  const kept = paths.kept.subarray(1)
  yield* gather(kept, (path) => paths.numbers[table.parents.values[path] as number] as number)
  let end = 0
  yield* gather(kept, (path) => (end += table.nameOf(path).length))
  for (const path of kept) yield table.nameOf(path)
  const chosen = rows.chosen.values.subarray(0, rows.chosen.length)
  yield* gather(chosen, (row) => paths.numbers[table.rowPaths.values[row] as number] as number)
  yield rows.firsts.bytesFrom(0)
  yield rows.lasts.bytesFrom(0)
  yield* gather(chosen, (row) => table.lows.values[row] as number)
  yield* gather(chosen, (row) => table.highs.values[row] as number)
  yield* gather(chosen, (row) => table.sizes.values[row] as number, Float64Array)
  yield* gather(chosen, (row) => table.mtimes.values[row] as number, Float64Array)
  yield* gather(chosen, (row) => table.types.values[row] as number, Uint8Array)
  const found = Uint32Array.from(entries)
  yield* gather(found, (entry) => slots.series[trees.series.values[entry] as number] as number)
  yield* gather(found, (entry) => paths.numbers[trees.paths.values[entry] as number] as number)
  for (const entry of entries) yield trees.ids.values.subarray(entry * idBytes, (entry + 1) * idBytes)
}

type Block = new (length: number) => Uint8Array | Uint32Array | Float64Array
const blockLength = 1 << 16

function* gather(
  order: Uint32Array,
  valueOf: (number: number) => number,
  block: Block = Uint32Array,
): Iterable<Uint8Array> {
  for (let start = 0; start < order.length; start += blockLength) {
    const count = Math.min(blockLength, order.length - start)
    const values = new block(count)
    for (let i = 0; i < count; i++) values[i] = valueOf(order[start + i] as number)
    yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  }
}
