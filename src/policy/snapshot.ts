import { PolicyError } from './errors.ts'
import { parseLocalTime, type LocalTime } from './time.ts'

/** What a policy looks at. Snapshots of the repository have these fields; whatever else they have is carried along. */
export interface PolicySnapshot {
  readonly id: string
  /** RFC 3339, with the offset of the place where the snapshot was made. */
  readonly time: string
  readonly hostname?: string | undefined
  readonly paths?: readonly string[] | null | undefined
  readonly tags?: readonly string[] | null | undefined
}

/** A snapshot with its time read. */
export interface TimedSnapshot<Snapshot extends PolicySnapshot> {
  readonly snapshot: Snapshot
  readonly time: LocalTime
}

/** Reads the times, newest first; snapshots of the same time stay in their order. One that cannot be read stops everything. */
export function newestFirst<Snapshot extends PolicySnapshot>(
  snapshots: readonly Snapshot[],
): TimedSnapshot<Snapshot>[] {
  return snapshots
    .map((snapshot) => {
      const time = parseLocalTime(snapshot.time)
      if (time === undefined) throw new PolicyError('SNAPSHOT_TIME_INVALID', { id: snapshot.id, time: snapshot.time })
      return { snapshot, time }
    })
    .toSorted((one, other) => compare(other.time.instant, one.time.instant))
}

/** True when the snapshot has all of these tags. An empty tag stands for a snapshot without any. */
export function hasTags({ tags }: PolicySnapshot, wanted: readonly string[]): boolean {
  const own = tags ?? []
  for (const tag of wanted) {
    if (tag === '' && own.length === 0) return true
    if (!own.includes(tag)) return false
  }
  return true
}

function compare(one: bigint, other: bigint): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
