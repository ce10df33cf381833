import { hash } from 'node:crypto'
import { hasCode } from '#base'
import type { Cancellable } from '#base'
import { parseTime } from '#repository'
import { Children } from './children.ts'
import { compactSegment } from './compact.ts'
import { enterSnapshot } from './enter-snapshot.ts'
import type { IndexInWork } from './enter-snapshot.ts'
import { SearchError } from './errors.ts'
import { FolderTrees } from './folder-trees.ts'
import type { RecoveryPoint } from './recovery-points.ts'
import { extentOf, nothing, segmentOfChanges } from './segment.ts'
import type { Extent, SegmentContent } from './segment.ts'
import type { SnapshotSource } from './source.ts'
import type { IndexStore, Manifest } from './store.ts'
import { IndexTable } from './table.ts'

/** Brings the index of one repository to what the repository holds now. */

/** Why an index was made anew although nobody asked for it: the code of the error that told. */
export type RebuildReason =
  | 'SEARCH_INDEX_MISSING'
  | 'SEARCH_INDEX_DAMAGED'
  | 'SEARCH_INDEX_ROLLED_BACK'
  | 'SEARCH_INDEX_VERSION'

export interface UpdateResult {
  /** Recovery points that are in the index now, and how many came and went. */
  readonly recoveryPoints: number
  readonly added: number
  readonly removed: number
  /** Snapshot files that cannot be read: they are not in the index, and each update tries them again. */
  readonly unreadable: number
  /** Of the recovery points that came: in how many folders could not be read. What is missing there counts for nothing. */
  readonly incomplete: number
  /** Entries left out because their names are not those of files. */
  readonly skipped: number
  /** Why all was read anew; undefined when only what has changed was. */
  readonly rebuilt: RebuildReason | 'asked' | undefined
  /** Of the index: grows with every change. To be kept outside of the index's folder. */
  readonly generation: number
}

export interface UpdateOptions extends Cancellable {
  /** The generation that was reached before: an index of an older one is made anew. */
  readonly atLeast: number
  /** Whether to make it anew whatever is there. */
  readonly rebuild: boolean
  /** Most rows of an index. */
  readonly mostRows: number
  readonly onProgress?: (progress: UpdateProgress) => void
}

export interface UpdateProgress {
  readonly done: number
  readonly total: number
}

/** How often everything is begun again because snapshots were forgotten meanwhile. */
const tries = 3

/** Throws what reading the repository throws, `SEARCH_INDEX_NOT_WRITTEN`, `SEARCH_INDEX_TOO_LARGE`, `SEARCH_UNSTEADY`. */
export async function updateIndex(
  store: IndexStore,
  source: SnapshotSource,
  options: UpdateOptions,
): Promise<UpdateResult> {
  const unchanged = options.rebuild ? undefined : await findUnchanged(store, source, options)
  if (unchanged) return unchanged
  for (let attempt = 0; attempt < tries; attempt++) {
    using update = IndexUpdate.open(store, options)
    const result = await update.run(source)
    if (result) return result
  }
  throw new SearchError('SEARCH_UNSTEADY', { repository: store.repository })
}

/** When there are just the snapshots that are in the index, it need not be loaded: it is enough that all of it opens. */
async function findUnchanged(
  store: IndexStore,
  source: SnapshotSource,
  { atLeast, signal }: UpdateOptions,
): Promise<UpdateResult | undefined> {
  const listed = await source.list({ signal })
  const generation = generationOf(store, digestOf(listed), atLeast)
  if (generation === undefined) return undefined
  const counts = { added: 0, removed: 0, unreadable: 0, incomplete: 0, skipped: 0 }
  return { recoveryPoints: listed.size, ...counts, rebuilt: undefined, generation }
}

/** Of an index that is sound and has just these snapshots. */
function generationOf(store: IndexStore, snapshots: string, atLeast: number): number | undefined {
  try {
    const manifest = store.readManifest()
    store.checkGeneration(manifest, atLeast)
    if (manifest.snapshots !== snapshots) return undefined
    store.checkSegments(manifest)
    store.removeLeftovers(manifest)
    return manifest.generation
  } catch (thrown) {
    if (!rebuildReasons.some((code) => hasCode(thrown, code))) throw thrown
    return undefined
  }
}

function digestOf(ids: Iterable<string>): string {
  return hash('sha256', [...ids].toSorted().join(' '))
}

interface Opened {
  readonly table: IndexTable
  readonly trees: FolderTrees
  /** Of the index that is added to. */
  readonly manifest: Manifest | undefined
  /** What the disk says, whatever it is worth. */
  readonly generation: number
  readonly rebuilt: UpdateResult['rebuilt']
}

class IndexUpdate implements Disposable {
  readonly #store: IndexStore
  readonly #options: UpdateOptions
  readonly #opened: Opened
  readonly #work: IndexInWork
  readonly #from: Extent
  readonly #changedSlots = new Set<number>()
  readonly #unreadableBefore: number
  #added = 0
  #removed = 0
  #incomplete = 0
  #skipped = 0

  private constructor(store: IndexStore, options: UpdateOptions, opened: Opened) {
    const { table, trees } = opened
    this.#store = store
    this.#options = options
    this.#opened = opened
    this.#work = { table, trees, children: new Children(table), ends: new Map() }
    this.#from = extentOf(table, trees)
    this.#unreadableBefore = table.unreadable
  }

  static open(store: IndexStore, options: UpdateOptions): IndexUpdate {
    return new IndexUpdate(store, options, openOrBegin(store, options))
  }

  [Symbol.dispose](): void {
    this.#work.children.release()
    this.#work.trees.release()
    this.#work.table.release()
  }

  /** Undefined when a snapshot was forgotten while it was read: then all is to be begun again. */
  async run(source: SnapshotSource): Promise<UpdateResult | undefined> {
    const { signal } = this.#options
    const listed = await source.list({ signal })
    this.#removeOthers(listed)
    const fresh = await this.#loadUnknown(source, listed)
    const isSteady = await this.#enterAll(source, fresh)
    return isSteady ? this.#save() : undefined
  }

  #removeOthers(listed: ReadonlySet<string>): void {
    const { points } = this.#work.table
    for (const id of [...points.liveIds()].filter((one) => !listed.has(one))) {
      const slot = points.slotOf(id) as number
      points.remove(slot)
      this.#changedSlots.add(slot)
      this.#removed++
    }
  }

  /** The snapshots that the index does not know, the oldest first. */
  async #loadUnknown(source: SnapshotSource, listed: ReadonlySet<string>): Promise<RecoveryPoint[]> {
    const { table } = this.#work
    const unknown = [...listed].filter((id) => table.points.slotOf(id) === undefined)
    const loaded: RecoveryPoint[] = []
    table.unreadable = 0
    for await (const snapshot of source.load(unknown, { signal: this.#options.signal })) {
      if (snapshot === 'damaged') table.unreadable++
      else loaded.push({ ...snapshot, nanoseconds: String(parseTime(snapshot.time)), isWhole: true })
    }
    return loaded.toSorted(comparePoints)
  }

  async #enterAll(source: SnapshotSource, fresh: readonly RecoveryPoint[]): Promise<boolean> {
    const toRead = fresh.filter((point) => !this.#takeOver(point))
    if (toRead.length === 0) return true
    const { mostRows, signal, onProgress } = this.#options
    const load = await source.openTrees({ signal })
    for (const [done, point] of toRead.entries()) {
      onProgress?.({ done, total: toRead.length })
      const options = { load, repository: this.#store.repository, mostRows, signal }
      const entered = await enterSnapshot(this.#work, point, options)
      if (entered.unreadable > 0 && (await source.isGone(point.id, { signal }))) return false
      if (entered.unreadable > 0) this.#incomplete++
      this.#skipped += entered.skipped
      this.#added++
    }
    return true
  }

  #takeOver(point: RecoveryPoint): boolean {
    const { points } = this.#work.table
    const slot = points.takenOverBy(point)
    if (slot === undefined) return false
    points.takeOver(slot, point)
    this.#changedSlots.add(slot)
    this.#added++
    return true
  }

  #save(): UpdateResult {
    const { table } = this.#work
    const { manifest, rebuilt } = this.#opened
    const changed = this.#added > 0 || this.#changedSlots.size > 0 || table.unreadable !== this.#unreadableBefore
    const generation = manifest && !changed ? manifest.generation : this.#commit()
    return {
      recoveryPoints: table.points.liveCount,
      added: this.#added,
      removed: this.#removed,
      unreadable: table.unreadable,
      incomplete: this.#incomplete,
      skipped: this.#skipped,
      rebuilt,
      generation,
    }
  }

  #commit(): number {
    const { table, trees } = this.#work
    const { manifest } = this.#opened
    const generation = Math.max(this.#opened.generation, this.#options.atLeast) + 1
    const before = manifest && !this.#isTimeToCompact(manifest) ? manifest : undefined
    const content = before ? this.#changes() : compactSegment(table, trees)
    const segments = [...(before?.segments ?? []), this.#store.writeSegment(content)]
    const extent = before ? extentOf(table, trees) : extentOfWhole(content)
    const snapshots = digestOf(table.points.liveIds())
    this.#store.commit({ repository: this.#store.repository, generation, snapshots, segments, extent })
    return generation
  }

  #changes(): SegmentContent {
    const { table, trees, ends } = this.#work
    return segmentOfChanges(table, trees, { from: this.#from, ends, changedSlots: this.#changedSlots })
  }

  /** Everything is written anew when what came since is half as much again, or when an eighth of the slots is forgotten. */
  #isTimeToCompact({ segments: [first, ...later] }: Manifest): boolean {
    const { points } = this.#work.table
    const sizeOf = (files: readonly { readonly size: number }[]) => files.reduce((sum, { size }) => sum + size, 0)
    const forgotten = points.size - points.liveCount
    return (
      later.length >= mostSegments ||
      sizeOf(later) > (first?.size ?? 0) / 2 + smallSegments ||
      forgotten > 8 + points.liveCount / 8
    )
  }
}

/** Each is a file to be opened by a search. */
const mostSegments = 63
/** Bytes that are not worth writing anew. */
const smallSegments = 1 << 20

function comparePoints(a: RecoveryPoint, b: RecoveryPoint): number {
  const [timeA, timeB] = [BigInt(a.nanoseconds), BigInt(b.nanoseconds)]
  if (timeA !== timeB) return timeA < timeB ? -1 : 1
  return a.id < b.id ? -1 : 1
}

function extentOfWhole({ head }: SegmentContent): Extent {
  const { points, paths, nameBytes, rows, trees } = head
  return { points: points.length, paths: paths + nothing.paths, nameBytes, rows, trees }
}

/** What is there, or an empty index when that is of no use. */
function openOrBegin(store: IndexStore, { rebuild, atLeast }: UpdateOptions): Opened {
  let generation = 0
  try {
    const manifest = store.readManifest()
    generation = manifest.generation
    if (rebuild) return begin('asked', generation)
    store.checkGeneration(manifest, atLeast)
    store.removeLeftovers(manifest)
    const trees = new FolderTrees()
    return { table: store.load(manifest, trees), trees, manifest, generation, rebuilt: undefined }
  } catch (thrown) {
    const reason = rebuildReasons.find((code) => hasCode(thrown, code))
    if (!reason) throw thrown
    return begin(rebuild ? 'asked' : reason, generation)
  }
}

function begin(rebuilt: UpdateResult['rebuilt'], generation: number): Opened {
  return { table: new IndexTable(), trees: new FolderTrees(), manifest: undefined, generation, rebuilt }
}

const rebuildReasons: readonly RebuildReason[] = [
  'SEARCH_INDEX_MISSING',
  'SEARCH_INDEX_DAMAGED',
  'SEARCH_INDEX_ROLLED_BACK',
  'SEARCH_INDEX_VERSION',
]
