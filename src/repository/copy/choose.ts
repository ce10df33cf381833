import { compareTimes } from '../snapshots.ts'
import type { NamedSnapshot } from '../snapshots.ts'

/** Which snapshots are to be copied, and which need not be. */
export interface CopyChoice {
  readonly toCopy: readonly NamedSnapshot[]
  /** Snapshots that the target has already, each with the copy that is there. */
  readonly copied: readonly { readonly snapshot: NamedSnapshot; readonly as: NamedSnapshot }[]
}

/**
 * A snapshot has been copied when the target has one that came from the same original and says the same. Tags that were
 * changed on either side make it another one, as with restic.
 */
export function chooseForCopy(source: readonly NamedSnapshot[], target: readonly NamedSnapshot[]): CopyChoice {
  const known = byOriginal(target)
  const toCopy: NamedSnapshot[] = []
  const copied: { snapshot: NamedSnapshot; as: NamedSnapshot }[] = []
  for (const snapshot of source) {
    const alike = known.get(originalOf(snapshot)) ?? []
    const as = alike.find((other) => saysTheSame(other, snapshot))
    if (as) copied.push({ snapshot, as })
    else toCopy.push(snapshot)
  }
  return { toCopy, copied }
}

/** The id that a snapshot keeps through copies and changes of its tags. */
export function originalOf({ id, original }: NamedSnapshot): string {
  return original ?? id
}

// A snapshot is found by its own id too: the target may be what the source was copied from.
function byOriginal(snapshots: readonly NamedSnapshot[]): Map<string, NamedSnapshot[]> {
  const found = new Map<string, NamedSnapshot[]>()
  for (const snapshot of snapshots) {
    for (const id of new Set([snapshot.id, originalOf(snapshot)])) {
      found.set(id, [...(found.get(id) ?? []), snapshot])
    }
  }
  return found
}

/** Everything but parent, original, and what counts only for the program that made it. */
function saysTheSame(a: NamedSnapshot, b: NamedSnapshot): boolean {
  return (
    compareTimes(a.time, b.time) === 0 &&
    a.tree.equals(b.tree) &&
    a.hostname === b.hostname &&
    a.username === b.username &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    hasSame(a.paths, b.paths) &&
    hasSame(a.tags, b.tags) &&
    a.excludes.length === b.excludes.length &&
    a.excludes.every((exclude, i) => exclude === b.excludes[i])
  )
}

/** In any order. */
function hasSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && b.every((text) => a.includes(text))
}
