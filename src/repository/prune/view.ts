import { hasCode } from '#base'
import type { Cancellable } from '#base'
import type { Bitmap } from '../bitmap.ts'
import { RepositoryError } from '../errors.ts'
import { FormatError } from '../format/errors.ts'
import { idToHex } from '../format/ids.ts'
import { parseTime } from '../format/time.ts'
import { enterPack } from '../index-packs.ts'
import { loadIndex } from '../load-index.ts'
import type { LoadedIndexFile } from '../load-index.ts'
import type { LoadedMark } from '../read-index-file.ts'
import { PackTable } from '../pack-table.ts'
import type { IndexedRepository, Repository } from '../repository.ts'
import { loadSnapshots } from '../snapshots.ts'
import { findUsed } from '../used.ts'

/** A pack that waits to be deleted. */
export interface MarkedPackInfo {
  /** Milliseconds since 1970; undefined when the mark does not say. */
  readonly since: number | undefined
  readonly mark: LoadedMark
}

/** What a prune decides from: the repository at one moment, under an exclusive lock. */
export interface PruneView {
  readonly repository: IndexedRepository
  readonly snapshots: ReadonlySet<string>
  readonly files: readonly LoadedIndexFile[]
  /** Every pack that an index names or marks. Blobs of marked packs come last, so that any other copy is found first. */
  readonly table: PackTable
  /** Marked packs that are there and in no index, by name. */
  readonly marked: ReadonlyMap<string, MarkedPackInfo>
  /** Size of every pack that is there, by name. */
  readonly sizes: ReadonlyMap<string, number>
  /** Used blobs, by their first entries. */
  readonly used: Bitmap
}

export interface PruneProgress {
  readonly onProgress?: ((step: PruneStep, done: number, total: number | undefined) => void) | undefined
}

export type PruneStep = 'load snapshots' | 'load index' | 'find used blobs' | 'repack' | 'write index' | 'delete packs'

/**
 * Looks at everything. Throws when anything is in doubt: `FILE_DAMAGED` for a snapshot or an index, `BLOBS_MISSING`,
 * `BLOB_DAMAGED` for a tree.
 */
export async function loadPruneView(
  repository: Repository,
  {
    signal,
    onProgress,
    without,
  }: Cancellable & PruneProgress & { readonly without?: ReadonlySet<string> | undefined } = {},
): Promise<PruneView> {
  // Packs before the index: a pack that is written and indexed in between is then known, not an orphan.
  const sizes = await listPacks(repository, { signal })
  const all = await loadSnapshots(repository, { signal })
  const snapshots = all.filter(({ id }) => without?.has(id) !== true)
  onProgress?.('load snapshots', snapshots.length, snapshots.length)
  const files: LoadedIndexFile[] = []
  const indexed = await loadIndex(repository, {
    signal,
    onFile: (file) => files.push(file),
    onProgress: (done, total) => onProgress?.('load index', done, total),
  })
  await correctSizes(indexed, sizes, { signal })
  const marked = await addMarkedPacks(indexed, files, sizes, { signal })
  const used = await findUsedOrExplain(indexed, snapshots, {
    signal,
    onProgress: (trees) => onProgress?.('find used blobs', trees, undefined),
  })
  const names = new Set(snapshots.map(({ id }) => id))
  return { repository: indexed, snapshots: names, files, table: new PackTable(indexed.index), marked, sizes, used }
}

async function listPacks({ backend }: Repository, options: Cancellable): Promise<Map<string, number>> {
  const sizes = new Map<string, number>()
  for await (const { name, size } of backend.list('pack', options)) sizes.set(name, size)
  return sizes
}

// A listing may be behind: nothing is called missing or wrong before it was asked for by its name.
async function correctSizes(
  { backend, index }: IndexedRepository,
  sizes: Map<string, number>,
  options: Cancellable,
): Promise<void> {
  for (const { name, size } of new PackTable(index).packs) {
    if (sizes.get(name) === size) continue
    const now = await backend.size({ type: 'pack', name }, options)
    if (now === undefined) sizes.delete(name)
    else sizes.set(name, now)
  }
}

/** Enters the blobs of marked packs into the index in memory, so that what is needed of them is found again. */
async function addMarkedPacks(
  { backend, index }: IndexedRepository,
  files: readonly LoadedIndexFile[],
  sizes: Map<string, number>,
  options: Cancellable,
): Promise<Map<string, MarkedPackInfo>> {
  const inIndex = new Set<string>()
  for (let pack = 0; pack < index.packCount; pack++) inIndex.add(index.packName(pack).toString('hex'))
  const marked = new Map<string, MarkedPackInfo>()
  for (const mark of files.flatMap(({ marks }) => marks)) {
    const name = idToHex(mark.id)
    if (inIndex.has(name)) continue // named again since it was marked
    const size = sizes.get(name) ?? (await backend.size({ type: 'pack', name }, options))
    if (size === undefined) continue // deleted, and the mark was left behind
    sizes.set(name, size)
    const before = marked.get(name)
    const since = markedSince(mark)
    // Marked twice: the later time counts, because in between it may have been in use.
    if (!before) enterPack(index, mark)
    if (!before || (since ?? Infinity) > (before.since ?? Infinity)) marked.set(name, { since, mark })
  }
  return marked
}

function markedSince({ time }: LoadedMark): number | undefined {
  if (time === undefined) return undefined
  try {
    return Number(parseTime(time) / 1_000_000n)
  } catch (thrown) {
    if (thrown instanceof FormatError) return undefined
    throw thrown
  }
}

async function findUsedOrExplain(
  repository: IndexedRepository,
  snapshots: readonly { readonly tree: Buffer }[],
  { signal, onProgress }: Cancellable & { readonly onProgress: (trees: number) => void },
): Promise<Bitmap> {
  const missing: Error[] = []
  const roots = snapshots.map(({ tree }) => tree)
  const onProblem = (error: Error) => {
    if (!hasCode(error, 'BLOB_NOT_FOUND')) throw error
    missing.push(error)
  }
  const used = await findUsed(repository, roots, { signal, onProgress, onProblem })
  const first = missing[0] as RepositoryError | undefined
  if (!first) return used
  throw new RepositoryError('BLOBS_MISSING', { count: missing.length, id: first.details['id'], cause: first })
}
