import type { FolderTrees } from './folder-trees.ts'
import type { RecoveryPoint } from './recovery-points.ts'
import type { SealedReader } from './sealed-file.ts'
import { idBytes } from './table.ts'
import type { IndexTable } from './table.ts'

/**
 * A segment: what one update added to an index. The first segment of an index is the whole of it at some moment; the others
 * follow one another. In it: the length of a JSON text, the text, then the columns. What only updates need comes last, so that
 * a search need not read it.
 */

/** How much of everything there is, or was. */
export interface Extent {
  readonly points: number
  readonly paths: number
  readonly nameBytes: number
  readonly rows: number
  readonly trees: number
}

export const nothing: Extent = { points: 0, paths: 1, nameBytes: 0, rows: 0, trees: 0 }

export interface PointRecord {
  readonly point: RecoveryPoint
  readonly isLive: boolean
}

interface SegmentHead {
  /** In the order of their slots. */
  readonly points: readonly PointRecord[]
  /** Slots of before, as they are now. */
  readonly changedPoints: readonly (PointRecord & { readonly slot: number })[]
  readonly unreadable: number
  readonly paths: number
  readonly nameBytes: number
  readonly rows: number
  readonly ends: number
  readonly trees: number
}

/** A segment as it is written. */
export interface SegmentContent {
  readonly head: SegmentHead
  readonly parts: Iterable<Uint8Array>
}

export function extentOf(table: IndexTable, trees: FolderTrees): Extent {
  const [points, paths, nameBytes, rows] = [table.points.size, table.pathCount, table.names.length, table.rowCount]
  return { points, paths, nameBytes, rows, trees: trees.length }
}

export interface Changes {
  readonly from: Extent
  /** Ends of rows of before. */
  readonly ends: ReadonlyMap<number, number>
  /** Slots of before that have changed. */
  readonly changedSlots: ReadonlySet<number>
}

/** What came since `from`. */
export function segmentOfChanges(table: IndexTable, trees: FolderTrees, changes: Changes): SegmentContent {
  const { from } = changes
  const { points } = table
  const ends = [...changes.ends].filter(([row]) => row < from.rows)
  const recordOf = (slot: number): PointRecord => ({
    point: points.points[slot] as RecoveryPoint,
    isLive: points.isLive[slot] === true,
  })
  const head: SegmentHead = {
    points: points.points.slice(from.points).map((_, at) => recordOf(from.points + at)),
    changedPoints: [...changes.changedSlots]
      .filter((slot) => slot < from.points)
      .map((slot) => ({ slot, ...recordOf(slot) })),
    unreadable: table.unreadable,
    paths: table.pathCount - from.paths,
    nameBytes: table.names.length - from.nameBytes,
    rows: table.rowCount - from.rows,
    ends: ends.length,
    trees: trees.length - from.trees,
  }
  const endBytes = new Uint8Array(Uint32Array.from(ends.flat()).buffer)
  const columns = [
    ...pathColumns(table).map((column) => column.bytesFrom(from.paths)),
    table.names.bytesFrom(from.nameBytes),
    ...rowColumns(table).map((column) => column.bytesFrom(from.rows)),
    endBytes,
    trees.series.bytesFrom(from.trees),
    trees.paths.bytesFrom(from.trees),
    trees.ids.bytesFrom(from.trees * idBytes),
  ]
  return { head, parts: columns }
}

/** The bytes of a segment, in parts. */
export function* encodeSegment({ head, parts }: SegmentContent): Iterable<Uint8Array> {
  const text = Buffer.from(JSON.stringify(head))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  yield length
  yield text
  yield* parts
}

/** Adds a segment to what the segments before it gave. Without `trees`, the part that updates need is not read. */
export function loadSegment(reader: SealedReader, table: IndexTable, trees?: FolderTrees): void {
  const head = readHead(reader)
  for (const { slot, point, isLive } of head.changedPoints) changePoint(table, slot, { point, isLive })
  for (const { point, isLive } of head.points) table.points.add(point, isLive)
  table.unreadable = head.unreadable
  for (const column of pathColumns(table)) reader.read(column.extend(head.paths))
  reader.read(table.names.extend(head.nameBytes))
  const before = table.rowCount
  for (const column of rowColumns(table)) reader.read(column.extend(head.rows))
  const added = table.newestRows.extend(head.paths)
  added.fill(0xff) // noRow
  table.linkRows(before)
  const ends = new Uint32Array(head.ends * 2)
  reader.read(new Uint8Array(ends.buffer))
  for (let at = 0; at < ends.length; at += 2) table.lasts.values[ends[at] as number] = ends[at + 1] as number
  if (!trees) return
  reader.read(trees.series.extend(head.trees))
  reader.read(trees.paths.extend(head.trees))
  reader.read(trees.ids.extend(head.trees * idBytes))
}

/** Makes room for an index of known extent at once. */
export function reserveExtent(table: IndexTable, { paths, nameBytes, rows }: Extent): void {
  for (const column of [...pathColumns(table), table.newestRows]) column.reserveExactly(paths)
  table.names.reserveExactly(nameBytes)
  for (const column of [...rowColumns(table), table.olderRows]) column.reserveExactly(rows)
}

function pathColumns({ parents, nameEnds }: IndexTable) {
  return [parents, nameEnds]
}

/** In the order in which they are written. */
function rowColumns({ rowPaths, firsts, lasts, lows, highs, sizes, mtimes, types }: IndexTable) {
  return [rowPaths, firsts, lasts, lows, highs, sizes, mtimes, types]
}

function readHead(reader: SealedReader): SegmentHead {
  const length = Buffer.alloc(4)
  reader.read(length)
  const text = Buffer.alloc(length.readUInt32LE())
  reader.read(text)
  return JSON.parse(text.toString()) as SegmentHead
}

function changePoint({ points }: IndexTable, slot: number, { point, isLive }: PointRecord): void {
  if (points.isLive[slot]) points.remove(slot)
  if (isLive) points.takeOver(slot, point)
}
