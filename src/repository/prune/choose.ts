import type { TablePack } from '../pack-table.ts'
import { defaultMaxUnused, unusedAllowed } from './options.ts'
import type { PruneLimits } from './options.ts'
import type { PackUse, UseTotals } from './uses.ts'
import type { PruneView } from './view.ts'

/** restic's smallest pack size. */
const smallestPack = 4 << 20
/** Fewer small packs than this are not worth the trouble; so a single one is not repacked over and over. */
const fewestSmallPacks = 10

/** Which packs are worth writing anew, by restic's rules (restic: internal/repository/prune.go), by their place in the table. */
export function choosePacksToRepack(
  view: PruneView,
  uses: readonly PackUse[],
  totals: UseTotals,
  limits: PruneLimits,
): Set<number> {
  const candidates = findCandidates(view, uses, limits)
  const small = targetSize(view, uses, limits)
  const maxBytes = limits.unsafeRecoverNoFreeSpace ? 0 : (limits.maxRepackBytes ?? Infinity)
  const maxUnused = unusedAllowed(limits.maxUnused ?? defaultMaxUnused, totals.used.bytes)
  const removed = uses.reduce((sum, { usedBlobs, unusedBytes }) => sum + (usedBlobs === 0 ? unusedBytes : 0), 0)
  let unused = totals.duplicate.bytes + totals.unused.bytes - removed
  let repackedBytes = 0
  const chosen = new Set<number>()
  for (const { use, pack, mustCompress } of candidates.toSorted((a, b) => compare(a, b, small))) {
    if (repackedBytes + pack.size >= maxBytes) continue
    const isOptional = pack.type === 'data' && !mustCompress && pack.size >= small
    if (isOptional && unused < maxUnused) continue
    chosen.add(use.place)
    repackedBytes += pack.size
    unused -= use.unusedBytes
  }
  return chosen
}

interface Candidate {
  readonly use: PackUse
  readonly pack: TablePack
  readonly mustCompress: boolean
}

function findCandidates(view: PruneView, uses: readonly PackUse[], limits: PruneLimits): Candidate[] {
  const { table, marked, sizes, repository } = view
  const small = targetSize(view, uses, limits)
  const [partlyUsed, tooSmall]: [Candidate[], Candidate[]] = [[], []]
  for (const use of uses) {
    const pack = table.packs[use.place] as TablePack
    if (use.usedBlobs === 0 || marked.has(pack.name) || !sizes.has(pack.name)) continue
    if (limits.repackCacheableOnly && pack.type === 'data') continue
    // Trees are compressed whenever they can be: everything reads them.
    const wanted = pack.type === 'tree' || limits.repackUncompressed === true
    const mustCompress = repository.config.version >= 2 && wanted && pack.hasUncompressed
    const isWhole = use.unusedBlobs === 0 && pack.type !== 'mixed' && !mustCompress
    if (!isWhole) partlyUsed.push({ use, pack, mustCompress })
    else if (pack.size < small) tooSmall.push({ use, pack, mustCompress })
  }
  return tooSmall.length < fewestSmallPacks ? partlyUsed : [...partlyUsed, ...tooSmall]
}

/** Below this a pack counts as small: a limit under which only a few per cent of the packs are, unless it is given. */
function targetSize({ table }: PruneView, uses: readonly PackUse[], { repackSmallerThan }: PruneLimits): number {
  if (repackSmallerThan) return repackSmallerThan
  const sizes = Float64Array.from(uses, ({ place }) => table.packs[place]?.size ?? 0).sort()
  const typical = sizes[Math.floor((sizes.length * 3) / 100)] ?? 0
  return Math.floor((Math.max(smallestPack, typical) * 4) / 5)
}

/** Trees and mixed packs first, then small ones, then those with the largest share of unused bytes. */
function compare(a: Candidate, b: Candidate, small: number): number {
  const rank = ({ pack }: Candidate) => (pack.type !== 'data' ? 0 : pack.size < small ? 1 : 2)
  return rank(a) - rank(b) || share(b) - share(a)
}

function share({ use, pack }: Candidate): number {
  return use.unusedBytes / pack.size
}
