import { PolicyError } from './errors.ts'
import { describeGroup, groupSnapshots, type GroupBy, type GroupKey, type SnapshotGroup } from './group.ts'
import {
  applyPolicy,
  isEmptyPolicy,
  isFuture,
  type Kept,
  type RetentionPolicy,
  type RetentionResult,
} from './retention.ts'
import { newestFirst, type PolicySnapshot } from './snapshot.ts'

/** What `forget` will do with one group. Both lists come newest first. */
export interface ForgetGroup<Snapshot extends PolicySnapshot> {
  readonly key: GroupKey
  readonly keep: readonly Kept<Snapshot>[]
  readonly remove: readonly Snapshot[]
}

/** What `forget` will do: shown by a dry run, carried out otherwise. */
export interface ForgetPlan<Snapshot extends PolicySnapshot> {
  readonly groups: readonly ForgetGroup<Snapshot>[]
}

export interface ForgetOptions {
  readonly groupBy: GroupBy
  /** Milliseconds since 1970, by the clock of whoever runs the policy. */
  readonly now: number
  /** Lets a group lose its last snapshot (`--unsafe-allow-remove-all`). */
  readonly allowRemoveAll?: boolean | undefined
  /** True when the snapshots were chosen by host, tag or path: without a policy only then all of them may go. */
  readonly filtered?: boolean | undefined
}

/**
 * Plans what `forget` removes. Equal to restic's choice, but for two things that only ever keep more: snapshots from the
 * future take no place of a real one, and with `allowRemoveAll` unset no group loses its last snapshot.
 *
 * @throws PolicyError when the policy is empty, would empty a group, or a snapshot's time cannot be read
 */
export function planForget<Snapshot extends PolicySnapshot>(
  snapshots: readonly Snapshot[],
  policy: RetentionPolicy,
  { groupBy, now, allowRemoveAll = false, filtered = false }: ForgetOptions,
): ForgetPlan<Snapshot> {
  if (isEmptyPolicy(policy)) {
    if (!allowRemoveAll) throw new PolicyError('POLICY_EMPTY')
    if (!filtered) throw new PolicyError('REMOVE_ALL_UNFILTERED')
  }
  const groups = groupSnapshots(snapshots, groupBy).map((group) => planGroup(group, policy, now))
  const emptied = groups.find(({ keep }) => keep.length === 0)
  if (emptied && !allowRemoveAll) {
    const details = { group: describeGroup(emptied.key), count: emptied.remove.length }
    throw new PolicyError('GROUP_WOULD_BE_EMPTIED', details)
  }
  return { groups }
}

/** Every snapshot that the plan removes. */
export function removedBy<Snapshot extends PolicySnapshot>({ groups }: ForgetPlan<Snapshot>): Snapshot[] {
  return groups.flatMap(({ remove }) => remove)
}

function planGroup<Snapshot extends PolicySnapshot>(
  { key, snapshots }: SnapshotGroup<Snapshot>,
  policy: RetentionPolicy,
  now: number,
): ForgetGroup<Snapshot> {
  const asRestic = applyPolicy(snapshots, policy, now)
  const present = newestFirst(snapshots).filter(({ time }) => !isFuture(time, now))
  if (present.length === snapshots.length) return { key, ...asRestic }
  // Somebody who adds a thousand snapshots of next year must not get the real ones removed, nor may a clock that was wrong
  // once: what the policy keeps without the future ones is kept as well.
  const withoutFuture = applyPolicy(
    present.map(({ snapshot }) => snapshot),
    policy,
    now,
  )
  return { key, ...keptByEither(asRestic, withoutFuture) }
}

/** What `one` keeps and, moved over from what it removes, what `other` keeps; newest first, as both are. */
function keptByEither<Snapshot extends PolicySnapshot>(
  one: RetentionResult<Snapshot>,
  other: RetentionResult<Snapshot>,
): RetentionResult<Snapshot> {
  const kept = new Set(one.keep.map(({ snapshot }) => snapshot))
  const saved = other.keep.filter(({ snapshot }) => !kept.has(snapshot))
  const savedSnapshots = new Set(saved.map(({ snapshot }) => snapshot))
  const order = new Map(newestFirst([...kept, ...savedSnapshots]).map(({ snapshot }, at) => [snapshot, at]))
  const keep = [...one.keep, ...saved].toSorted(
    (a, b) => (order.get(a.snapshot) as number) - (order.get(b.snapshot) as number),
  )
  return { keep, remove: one.remove.filter((snapshot) => !savedSnapshots.has(snapshot)) }
}
