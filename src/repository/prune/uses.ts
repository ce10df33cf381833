import type { PruneView } from './view.ts'

/** How much of a pack is used. Of a blob that lies in several packs one copy counts as used, the others as duplicates. */
export interface PackUse {
  /** Position in the view's table. */
  readonly place: number
  usedBlobs: number
  usedBytes: number
  /** Duplicates are among the unused: another copy stays. */
  unusedBlobs: number
  unusedBytes: number
  duplicateBlobs: number
  readonly hasUncompressed: boolean
}

export interface UseTotals {
  readonly used: { blobs: number; bytes: number }
  readonly duplicate: { blobs: number; bytes: number }
  readonly unused: { blobs: number; bytes: number }
}

/** Uses of every pack that is in the index, or must come back into it. */
export function countUses(view: PruneView): { readonly uses: readonly PackUse[]; readonly totals: UseTotals } {
  const uses = livePacks(view)
  const copies = countCopies(view, uses)
  const totals = { used: { blobs: 0, bytes: 0 }, duplicate: { blobs: 0, bytes: 0 }, unused: { blobs: 0, bytes: 0 } }
  const { index } = view.repository
  for (const use of uses) {
    for (const entry of view.table.entriesOf(use.place)) {
      const bytes = index.lengthOf(entry)
      const count = copies[index.firstOf(entry)] as number
      const kind = count === 0 ? 'unused' : count === 1 ? 'used' : 'duplicate'
      totals[kind].blobs++
      totals[kind].bytes += bytes
      if (kind === 'used') takeUp(use, bytes)
      else {
        use.unusedBlobs++
        use.unusedBytes += bytes
        if (kind === 'duplicate') use.duplicateBlobs++
      }
    }
  }
  if (totals.duplicate.blobs > 0) chooseAmongCopies(view, uses, copies, totals)
  return { uses, totals }
}

function livePacks({ repository: { index }, table, marked, used }: PruneView): PackUse[] {
  const needed = new Set<number>()
  if (marked.size > 0) for (const entry of used) needed.add(table.placeOf(index, entry))
  return table.packs.flatMap(({ name, hasUncompressed }, place): PackUse[] => {
    if (marked.has(name) && !needed.has(place)) return []
    const none = { usedBlobs: 0, usedBytes: 0, unusedBlobs: 0, unusedBytes: 0, duplicateBlobs: 0 }
    return [{ place, ...none, hasUncompressed }]
  })
}

const mostCopies = 255

/** For each used blob, by its first entry, in how many packs it lies. */
function countCopies({ repository: { index }, table, used }: PruneView, uses: readonly PackUse[]): Uint8Array {
  const copies = new Uint8Array(index.size)
  for (const { place } of uses) {
    for (const entry of table.entriesOf(place)) {
      const first = index.firstOf(entry)
      if (used.has(first) && (copies[first] as number) < mostCopies) copies[first] = (copies[first] as number) + 1
    }
  }
  return copies
}

/** Of a blob's copies all but one have been passed over: the next must be taken. */
const lastCopy = 0

/**
 * Chooses one copy of each blob that lies in several packs, as restic does: one in a pack that holds other used blobs, or
 * nothing but copies, which is what a prune that was interrupted while repacking has left; failing that, the last.
 */
function chooseAmongCopies(
  { repository: { index }, table, used }: PruneView,
  uses: readonly PackUse[],
  copies: Uint8Array,
  totals: UseTotals,
): void {
  for (const use of uses) {
    for (const entry of table.entriesOf(use.place)) {
      const first = index.firstOf(entry)
      const count = copies[first] as number
      if (count === 1 || !used.has(first)) continue
      if (use.usedBlobs > 0 || use.duplicateBlobs === use.unusedBlobs || count === lastCopy) {
        const bytes = index.lengthOf(entry)
        takeUp(use, bytes)
        use.unusedBlobs--
        use.unusedBytes -= bytes
        totals.used.blobs++
        totals.used.bytes += bytes
        totals.duplicate.blobs--
        totals.duplicate.bytes -= bytes
        copies[first] = 1
      } else copies[first] = count === 2 ? lastCopy : count - 1
    }
  }
}

function takeUp(use: PackUse, bytes: number): void {
  use.usedBlobs++
  use.usedBytes += bytes
}
