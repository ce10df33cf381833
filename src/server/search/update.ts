import { hasCode, mapOrdered, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { FormatError, TreeLoader, compareTimes, idToHex, loadIndex, loadSnapshot } from '#repository'
import type { IndexedRepository, NamedSnapshot, Repository, Tree } from '#repository'
import { Children } from './children.ts'
import { compactSegment } from './compact.ts'
import { enterSnapshot } from './enter-snapshot.ts'
import type { IndexInWork } from './enter-snapshot.ts'
import { SearchError } from './errors.ts'
import { FolderTrees } from './folder-trees.ts'
import type { RecoveryPoint } from './recovery-points.ts'
import { extentOf, nothing, segmentOfChanges } from './segment.ts'
import type { Extent, SegmentContent } from './segment.ts'
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
  repository: Repository,
  options: UpdateOptions,
): Promise<UpdateResult> {
  for (let attempt = 0; attempt < tries; attempt++) {
    using update = IndexUpdate.open(store, options)
    const result = await update.run(repository)
    if (result) return result
  }
  throw new SearchError('SEARCH_UNSTEADY', { repository: store.repository })
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
  async run(repository: Repository): Promise<UpdateResult | undefined> {
    // Before the index of the repository is loaded: then all blobs of these snapshots are in it.
    const listed = await this.#listSnapshots(repository)
    this.#removeOthers(listed)
    const fresh = await this.#loadUnknown(repository, listed)
    const isSteady = await this.#enterAll(repository, fresh)
    return isSteady ? this.#save() : undefined
  }

  async #listSnapshots({ backend }: Repository): Promise<Set<string>> {
    const { signal } = this.#options
    const names = new Set<string>()
    for await (const { name } of backend.list('snapshot', { signal })) names.add(name)
    return names
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
  async #loadUnknown(repository: Repository, listed: ReadonlySet<string>): Promise<RecoveryPoint[]> {
    const { table } = this.#work
    const { signal } = this.#options
    const unknown = [...listed].filter((id) => table.points.slotOf(id) === undefined)
    const loaded: NamedSnapshot[] = []
    const loadOne = (id: string) => loadReadable(repository, id, { signal })
    const options = { concurrency: repository.backend.connections, signal }
    table.unreadable = 0
    for await (const snapshot of mapOrdered(unknown, loadOne, options)) {
      if (snapshot === 'damaged') table.unreadable++
      else if (snapshot !== 'gone') loaded.push(snapshot)
    }
    return loaded.map(pointOf).toSorted((a, b) => compareTimes(a.time, b.time) || (a.id < b.id ? -1 : 1))
  }

  async #enterAll(repository: Repository, fresh: readonly RecoveryPoint[]): Promise<boolean> {
    const toRead = fresh.filter((point) => !this.#takeOver(point))
    if (toRead.length === 0) return true
    const trees = new SnapshotTrees(await loadIndex(repository, { signal: this.#options.signal }), this.#options)
    const { repository: name } = this.#store
    const { mostRows, signal, onProgress } = this.#options
    for (const [done, point] of toRead.entries()) {
      onProgress?.({ done, total: toRead.length })
      const load = (id: Buffer) => trees.load(id)
      const entered = await enterSnapshot(this.#work, point, { load, repository: name, mostRows, signal })
      if (entered.unreadable > 0 && (await isGone(repository, point.id, { signal }))) return false
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
    this.#store.commit({ repository: this.#store.repository, generation, segments, extent })
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

/** Trees of a repository; undefined for one that is damaged or missing. What the storage itself fails at is thrown. */
class SnapshotTrees {
  readonly #loader: TreeLoader
  readonly #options: Cancellable

  constructor(repository: IndexedRepository, { signal }: Cancellable) {
    this.#loader = new TreeLoader(repository)
    this.#options = { signal }
  }

  async load(id: Buffer): Promise<Tree | undefined> {
    try {
      return await this.#loader.loadById(id, this.#options)
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown
      return undefined
    }
  }
}

function isDamage(thrown: unknown): boolean {
  return thrown instanceof FormatError || ['BLOB_NOT_FOUND', 'BLOB_DAMAGED'].some((code) => hasCode(thrown, code))
}

async function loadReadable(
  repository: Repository,
  id: string,
  options: Cancellable,
): Promise<NamedSnapshot | 'gone' | 'damaged'> {
  try {
    return await loadSnapshot(repository, id, options)
  } catch (thrown) {
    throwIfBug(thrown)
    if (hasCode(thrown, 'FILE_NOT_FOUND')) return 'gone'
    if (hasCode(thrown, 'FILE_DAMAGED')) return 'damaged'
    throw thrown
  }
}

async function isGone({ backend }: Repository, name: string, options: Cancellable): Promise<boolean> {
  return (await backend.size({ type: 'snapshot', name }, options)) === undefined
}

function pointOf({ id, time, hostname, paths, tags, tree }: NamedSnapshot): RecoveryPoint {
  return { id, time, host: hostname, paths, tags, tree: idToHex(tree), isWhole: true }
}
