import { parseTime } from '#repository'
import type { NamedSnapshot } from '#repository'

/** What must be the same for two snapshots to be of the same thing. */
export interface ParentGroup {
  readonly host: boolean
  readonly paths: boolean
  readonly tags: boolean
}

export interface ParentOptions {
  readonly group?: ParentGroup | undefined
  /** Milliseconds since 1970: a snapshot that claims to be from the future is no parent (restic#3619). */
  readonly notAfter: number
}

/** The newest snapshot of the same group, to compare files with. `snapshots` are sorted, oldest first. */
export function chooseParent(
  snapshots: readonly NamedSnapshot[],
  about: { readonly hostname: string; readonly paths: readonly string[]; readonly tags: readonly string[] },
  { group = { host: true, paths: true, tags: false }, notAfter }: ParentOptions,
): NamedSnapshot | undefined {
  const latest = BigInt(notAfter) * 1_000_000n
  return snapshots.findLast(
    (snapshot) =>
      parseTime(snapshot.time) <= latest &&
      (!group.host || snapshot.hostname === about.hostname) &&
      (!group.paths || sameSet(snapshot.paths, about.paths)) &&
      (!group.tags || sameSet(snapshot.tags, about.tags)),
  )
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const [first, second] = [new Set(a), new Set(b)]
  return first.size === second.size && first.isSubsetOf(second)
}
