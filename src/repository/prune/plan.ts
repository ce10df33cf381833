import { Bitmap } from '../bitmap.ts'
import { RepositoryError } from '../errors.ts'
import { choosePacksToRepack } from './choose.ts'
import { defaultKeepDeleted } from './options.ts'
import type { PruneLimits } from './options.ts'
import { countUses } from './uses.ts'
import type { PackUse, UseTotals } from './uses.ts'
import type { PruneView } from './view.ts'

/**
 * What becomes of a pack:
 * - `keep`; `repack`: what is needed of it is copied, then as `drop`
 * - `drop`: taken out of the index and marked; deleted by a later prune (or by this one, when there is no wait)
 * - `mark`: in no index and not marked yet: from now on it waits; `wait`: waits; `delete`: has waited long enough
 * - `undelete`: was marked, and is needed after all: back into the index
 * - `forget`: an index names it, it is gone, and nothing needs it
 */
export type PackFate = 'keep' | 'repack' | 'drop' | 'mark' | 'wait' | 'delete' | 'undelete' | 'forget'

export interface PlannedPack {
  readonly name: string
  readonly fate: PackFate
  /** Bytes of the file. */
  readonly size: number
  /** What lies in it, when an index or a mark tells; its position in the view's table. */
  readonly use?: PackUse
  /** Since when it waits, in milliseconds since 1970. */
  readonly markedSince?: number | undefined
}

/** Counts as restic's, and those of the packs that wait. */
export interface PruneStats extends UseTotals {
  readonly packs: {
    readonly used: number
    readonly partlyUsed: number
    readonly unused: number
    /** In no index. */
    readonly unreferenced: number
    readonly total: number
    readonly byFate: Readonly<Record<PackFate, number>>
  }
  readonly repack: { readonly blobs: number; readonly bytes: number }
  /** What repacking leaves out. */
  readonly repackRemove: { readonly blobs: number; readonly bytes: number }
  /** Unused packs that leave the index whole. */
  readonly remove: { readonly blobs: number; readonly bytes: number }
  readonly unreferencedBytes: number
  readonly uncompressedBytes: number
  readonly remaining: { readonly blobs: number; readonly bytes: number; readonly unusedBytes: number }
  /** Bytes of packs by what becomes of them. */
  readonly bytesByFate: Readonly<Record<PackFate, number>>
}

/** Everything that a prune will do, decided: it is shown, and then carried out as it is. */
export interface PrunePlan {
  readonly view: PruneView
  readonly limits: PruneLimits
  /** The moment that it was made for, in milliseconds since 1970. */
  readonly now: number
  readonly packs: readonly PlannedPack[]
  /** Blobs that must be copied because all packs that hold them go, by their first entries. */
  readonly toCopy: Bitmap
  readonly stats: PruneStats
}

/** Decides, and does nothing. Throws `PACKS_MISSING` and `FEATURE_UNSUPPORTED`. */
export function makePrunePlan(view: PruneView, given: PruneLimits, now: number): PrunePlan {
  // Without a free byte nothing can wait.
  const limits = given.unsafeRecoverNoFreeSpace ? { ...given, keepDeleted: 0 } : given
  const { version } = view.repository.config
  if (limits.repackUncompressed && version < 2) {
    throw new RepositoryError('FEATURE_UNSUPPORTED', { version, what: 'compressing' })
  }
  const { uses, totals } = countUses(view)
  refuseMissingPacks(view, uses)
  const repacked = choosePacksToRepack(view, uses, totals, limits)
  const packs = [
    ...uses.map((use): PlannedPack => planIndexed(view, use, repacked.has(use.place))),
    ...planWaiting(view, uses, limits, now),
    ...planOrphans(view, limits),
  ]
  return { view, limits, now, packs, toCopy: blobsToCopy(view, packs), stats: summarize(view, packs, totals) }
}

// Every pack that holds a used blob must be there, and whole as far as its size tells. An unused one may be as it likes.
function refuseMissingPacks({ sizes, table }: PruneView, uses: readonly PackUse[]): void {
  const bad = uses.filter(({ place, usedBlobs }) => {
    const pack = table.packs[place]
    return usedBlobs > 0 && pack && sizes.get(pack.name) !== pack.size
  })
  const first = bad[0] && table.packs[bad[0].place]
  if (first) throw new RepositoryError('PACKS_MISSING', { count: bad.length, pack: first.name.slice(0, 10) })
}

function planIndexed({ table, sizes, marked }: PruneView, use: PackUse, isRepacked: boolean): PlannedPack {
  const name = table.packs[use.place]?.name as string
  const size = sizes.get(name)
  const fate = () => {
    if (size === undefined) return 'forget'
    if (marked.has(name)) return 'undelete'
    if (use.usedBlobs === 0) return 'drop'
    return isRepacked ? 'repack' : 'keep'
  }
  return { name, fate: fate(), size: size ?? 0, use }
}

function planWaiting(
  { marked, sizes, table }: PruneView,
  uses: readonly PackUse[],
  { keepDeleted = defaultKeepDeleted }: PruneLimits,
  now: number,
): PlannedPack[] {
  const needed = new Set(uses.map(({ place }) => table.packs[place]?.name))
  const waiting: PlannedPack[] = []
  for (const [name, { since }] of marked) {
    if (needed.has(name)) continue
    // A mark of the future, or without a time, counts from now: a wrong clock must not shorten the wait.
    const markedSince = since !== undefined && since <= now ? since : now
    const fate = now - markedSince >= keepDeleted ? 'delete' : 'wait'
    waiting.push({ name, fate, size: sizes.get(name) as number, markedSince })
  }
  return waiting
}

function planOrphans(
  { table, sizes, marked }: PruneView,
  { keepDeleted = defaultKeepDeleted }: PruneLimits,
): PlannedPack[] {
  const orphans: PlannedPack[] = []
  for (const [name, size] of sizes) {
    if (table.get(name) || marked.has(name)) continue
    orphans.push({ name, size, fate: keepDeleted > 0 ? 'mark' : 'delete' })
  }
  return orphans
}

function blobsToCopy({ repository, table, used }: PruneView, packs: readonly PlannedPack[]): Bitmap {
  const { index } = repository
  const toCopy = new Bitmap(index.size)
  const eachBlob = (fates: readonly PackFate[], act: (first: number) => void) => {
    for (const { fate, use } of packs) {
      if (!use || !fates.includes(fate)) continue
      for (const entry of table.entriesOf(use.place)) act(index.firstOf(entry))
    }
  }
  eachBlob(['repack'], (first) => void (used.has(first) && toCopy.add(first)))
  if (toCopy.count > 0) eachBlob(['keep', 'undelete'], (first) => toCopy.delete(first))
  return toCopy
}

function summarize({ table }: PruneView, packs: readonly PlannedPack[], totals: UseTotals): PruneStats {
  const byFate = { keep: 0, repack: 0, drop: 0, mark: 0, wait: 0, delete: 0, undelete: 0, forget: 0 }
  const bytesByFate = { ...byFate }
  const [repack, repackRemove, remove] = [amount(), amount(), amount()]
  const count = { used: 0, partlyUsed: 0, unused: 0, unreferenced: 0 }
  let [unreferencedBytes, uncompressedBytes] = [0, 0]
  for (const { fate, size, use } of packs) {
    byFate[fate]++
    bytesByFate[fate] += size
    if (!use) {
      count.unreferenced++
      unreferencedBytes += size
      continue
    }
    if (fate !== 'forget') count[use.usedBlobs === 0 ? 'unused' : use.unusedBlobs === 0 ? 'used' : 'partlyUsed']++
    if (use.hasUncompressed && fate !== 'forget' && fate !== 'repack') uncompressedBytes += size
    if (fate === 'repack') {
      add(repack, use.usedBlobs + use.unusedBlobs, table.packs[use.place]?.size as number)
      add(repackRemove, use.unusedBlobs, use.unusedBytes)
    }
    if (fate === 'drop' || fate === 'forget') add(remove, use.unusedBlobs, use.unusedBytes)
  }
  const blobs = totals.used.blobs + totals.duplicate.blobs + totals.unused.blobs
  const bytes = totals.used.bytes + totals.duplicate.bytes + totals.unused.bytes
  const gone = repackRemove.bytes + remove.bytes
  return {
    ...totals,
    packs: { ...count, total: count.used + count.partlyUsed + count.unused + count.unreferenced, byFate },
    repack,
    repackRemove,
    remove,
    unreferencedBytes,
    uncompressedBytes,
    remaining: {
      blobs: blobs - remove.blobs - repackRemove.blobs,
      bytes: bytes - gone,
      unusedBytes: totals.duplicate.bytes + totals.unused.bytes - gone,
    },
    bytesByFate,
  }
}

function amount() {
  return { blobs: 0, bytes: 0 }
}

function add(to: { blobs: number; bytes: number }, blobs: number, bytes: number): void {
  to.blobs += blobs
  to.bytes += bytes
}
