import type { IndexedPack } from '../format/index-file.ts'
import { idFromHex } from '../format/ids.ts'
import type { PackBlobs } from '../format/pack-header.ts'
import { enterPack, indexedPackOf } from '../index-packs.ts'
import type { TablePack } from '../pack-table.ts'
import type { IndexedRepository, Repository } from '../repository.ts'
import { loadSnapshots } from '../snapshots.ts'
import { findUsed } from '../used.ts'
import { isEmptySwap, planIndexSwap, swapIndexFiles } from './index-swap.ts'
import type { IndexSwap, SwapOptions } from './index-swap.ts'
import { loadIndexView } from './index-view.ts'
import type { IndexView } from './index-view.ts'
import { readPackHeaders } from './pack-headers.ts'
import type { Verdict } from './second-look.ts'
import type { LookOptions } from './second-look.ts'

/**
 * What becomes of a pack in the index:
 * - `add`: it is there, and no index named it; `correct`: the index said something else than its header, or said it twice
 * - `remove`: an index names it, and it is gone
 * - `undelete`: it waited to be deleted, and is needed
 * - `unreadable`: its header cannot be read; what the index says of it, if anything, stays: intact blobs may be salvaged
 * - `unsteady`: its header was wrong at both looks, each time in another way; left as it is
 */
export type IndexFate = 'add' | 'correct' | 'remove' | 'undelete' | 'unreadable' | 'unsteady'

export interface PackIndexRepair {
  readonly name: string
  readonly fate: IndexFate
  /** Why, a part of a sentence. */
  readonly reason: string
  /** What an index names from now on. */
  readonly blobs: number
}

/** Everything that a repair of the index will do, decided: it is shown, and then carried out as it is. */
export interface IndexRepairPlan {
  readonly view: IndexView
  /** Packs about which the index is wrong. All others, and the index files that name only such, stay as they are. */
  readonly packs: readonly PackIndexRepair[]
  /** Index files that are damaged, and why; they go when what they said is written anew. */
  readonly damagedFiles: ReadonlyMap<string, Error>
  /** Packs whose header was right only at the second look. */
  readonly flaky: readonly string[]
  readonly swap: IndexSwap
  readonly isEmpty: boolean
}

export type RepairIndexStep = 'load index' | 'read packs' | 'find used blobs'

export interface PlanIndexRepairOptions extends LookOptions {
  /** Reads the header of every pack, not only of those about which index and storage differ. */
  readonly readAllPacks?: boolean | undefined
  /** Root trees besides those of the snapshots, found with the index as it will be: what they need is needed, too. */
  readonly findMoreRoots?: ((indexed: IndexedRepository) => Promise<readonly Buffer[]>) | undefined
  readonly onProgress?: ((step: RepairIndexStep, done: number, total: number | undefined) => void) | undefined
}

/**
 * Looks at the index and the packs and decides what to write anew. Only headers are read.
 * Throws `STORAGE_UNSTEADY`.
 */
export async function planIndexRepair(
  repository: Repository,
  options: PlanIndexRepairOptions = {},
): Promise<IndexRepairPlan> {
  const view = await loadIndexView(repository, options)
  const headers = await readHeaders(view, options)
  const packs = [...decideListed(view, headers), ...decideMissing(view)]
  const fresh = packs.flatMap(({ name, fate }) => freshPack(name, fate, headers))
  for (const pack of fresh) enterPack(view.repository.index, pack)
  const undeleted = await findNeededMarks(view, options)
  packs.push(...[...undeleted.values()].map(undeletion))
  const swap = planIndexSwap(view, {
    leaving: new Set(packs.flatMap(({ name, fate }) => (fate === 'correct' || fate === 'remove' ? name : []))),
    fresh: [...fresh, ...undeleted.values()],
    unmarked: new Set(undeleted.keys()),
  })
  const flaky = [...headers].flatMap(([name, verdict]) =>
    verdict.kind === 'right' && verdict.onlyWhenReadAgain ? name : [],
  )
  return { view, packs, damagedFiles: view.damagedFiles, flaky, swap, isEmpty: isEmptySwap(swap) }
}

/**
 * Carries the plan out, under the exclusive lock that it was made under. New index files are written and proven before
 * old ones go, so whatever ends this, the index is never worse than before. Throws `REPAIR_OUTDATED`, `LOCK_LOST`.
 */
export async function executeIndexRepair(
  { view, swap }: IndexRepairPlan,
  options: SwapOptions,
): Promise<{ readonly written: number; readonly removed: number }> {
  return await swapIndexFiles(view, swap, options)
}

async function readHeaders(
  { repository, table, sizes, marked }: IndexView,
  options: PlanIndexRepairOptions,
): Promise<Map<string, Verdict<PackBlobs>>> {
  const toRead = [...sizes].flatMap(([name, size]) => {
    const indexed = table.get(name)
    const isRight = indexed?.size === size && indexed.numbers.length === 1
    if (marked.has(name) || (isRight && !options.readAllPacks)) return []
    return [{ name, size, blobs: indexed && table.entriesOf(indexed.place).length }]
  })
  if (toRead.length > 0) options.onProgress?.('read packs', 0, toRead.length)
  const onProgress = (packs: number) => options.onProgress?.('read packs', packs, toRead.length)
  return await readPackHeaders(repository, toRead, { ...options, onProgress })
}

function* decideListed(view: IndexView, headers: ReadonlyMap<string, Verdict<PackBlobs>>): Iterable<PackIndexRepair> {
  const { table, sizes } = view
  for (const [name, verdict] of headers) {
    const indexed = table.get(name)
    if (verdict.kind !== 'right') {
      const fate = verdict.kind === 'wrong' ? 'unreadable' : 'unsteady'
      yield { name, fate, reason: verdict.reason, blobs: indexed ? table.entriesOf(indexed.place).length : 0 }
      continue
    }
    const blobs = verdict.found.count
    if (!indexed) yield { name, fate: 'add', reason: 'it is in no index', blobs }
    else if (indexed.numbers.length > 1) {
      yield { name, fate: 'correct', reason: 'it is named in several index files', blobs }
    } else if (!isSame(view, indexed, verdict.found)) {
      const size = sizes.get(name)
      const reason =
        size === indexed.size
          ? 'its header and the index differ'
          : `it has ${size} bytes, and by the index it must have ${indexed.size}`
      yield { name, fate: 'correct', reason, blobs }
    }
  }
}

function* decideMissing({ table, sizes }: IndexView): Iterable<PackIndexRepair> {
  for (const { name } of table.packs) {
    if (!sizes.has(name)) yield { name, fate: 'remove', reason: 'it is missing', blobs: 0 }
  }
}

function isSame({ repository, table }: IndexView, { name, place }: TablePack, found: PackBlobs): boolean {
  const { blobs } = indexedPackOf(repository.index, idFromHex(name), table.entriesOf(place))
  const equal = (a: Uint8Array | Uint32Array, b: Uint8Array | Uint32Array) =>
    a.length === b.length && a.every((value, i) => value === b[i])
  return (
    blobs.count === found.count &&
    equal(blobs.ids, found.ids) &&
    equal(blobs.types, found.types) &&
    equal(blobs.offsets, found.offsets) &&
    equal(blobs.lengths, found.lengths) &&
    equal(blobs.plainLengths, found.plainLengths)
  )
}

function freshPack(
  name: string,
  fate: IndexFate,
  headers: ReadonlyMap<string, Verdict<PackBlobs>>,
): readonly IndexedPack[] {
  const verdict = headers.get(name)
  const isFresh = (fate === 'add' || fate === 'correct') && verdict?.kind === 'right'
  return isFresh ? [{ id: idFromHex(name), blobs: verdict.found }] : []
}

function undeletion({ id, blobs }: IndexedPack): PackIndexRepair {
  const reason = 'it waited to be deleted, and is needed'
  return { name: Buffer.from(id).toString('hex'), fate: 'undelete', reason, blobs: blobs.count }
}

/**
 * Packs that wait to be deleted and hold blobs that are nowhere else and that snapshots need. What a snapshot needs shows
 * as far as its trees can be read; a prune, which deletes what waits, refuses as long as any cannot.
 */
async function findNeededMarks(
  view: IndexView,
  { signal, onProgress, findMoreRoots }: PlanIndexRepairOptions,
): Promise<Map<string, IndexedPack>> {
  const { repository, marked, sizes } = view
  const { index } = repository
  const firstMarked = index.packCount
  for (const mark of marked.values()) enterPack(index, mark)
  const more = (await findMoreRoots?.(repository)) ?? []
  if (marked.size === 0) return new Map()
  const snapshots = await loadSnapshots(repository, { signal, onDamaged: () => undefined })
  const roots = [...snapshots.map(({ tree }) => tree), ...more]
  const used = await findUsed(repository, roots, {
    signal,
    onProgress: (trees) => onProgress?.('find used blobs', trees, undefined),
    onProblem: () => undefined,
  })
  const nameOf = (entry: number) => index.packName(index.packOf(entry)).toString('hex')
  const needed = new Map<string, IndexedPack>()
  for (const first of used) {
    const copies = index.findAll(index.typeOf(first), index.idOf(first))
    if (copies.some((entry) => index.packOf(entry) < firstMarked && sizes.has(nameOf(entry)))) continue
    const waiting = copies.find((entry) => index.packOf(entry) >= firstMarked)
    const name = waiting === undefined ? undefined : nameOf(waiting)
    const mark = name === undefined ? undefined : marked.get(name)
    if (name !== undefined && mark) needed.set(name, mark)
  }
  return needed
}
