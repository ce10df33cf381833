import { PolicyError } from './errors.ts'
import { planForget, type ForgetGroup } from './forget.ts'
import { defaultGroupBy, type GroupBy, type GroupKey } from './group.ts'
import { isEmptyPolicy, type RetentionPolicy } from './retention.ts'
import type { PolicySnapshot } from './snapshot.ts'
import { hour, toRfc3339 } from './zone.ts'

/**
 * A snapshot as the server's ledger knows it. Its time of receipt is the server's own; everything else a client says, and a
 * client may have been taken over.
 */
export interface ReceivedSnapshot {
  readonly id: string
  /** Milliseconds since 1970, by the server's clock. */
  readonly received: number
  /** What the snapshot says of itself, milliseconds since 1970; undefined when that can not be read. */
  readonly claimed: number | undefined
  readonly hostname?: string | undefined
  readonly paths?: readonly string[] | undefined
  readonly tags?: readonly string[] | undefined
  /** Received while something was wrong: an unusual run, a client that may have been attacked. */
  readonly suspect?: boolean | undefined
  /** Known to be a whole recovery point: everything was read, and no check or test restore failed since. */
  readonly good?: boolean | undefined
}

export interface RetentionOptions {
  /** By the server's clock. */
  readonly now: number
  /** Whose midnight ends a day. */
  readonly timeZone: string
  /** Default: a machine's folders are a group. */
  readonly groupBy?: GroupBy | undefined
}

/** One group: the snapshots that compete with each other. Both lists come newest first. */
export interface RetentionGroup<Snapshot extends ReceivedSnapshot> {
  readonly key: GroupKey
  /** With the reasons, in restic's words. */
  readonly keep: readonly { readonly snapshot: Snapshot; readonly matches: readonly string[] }[]
  readonly remove: readonly Snapshot[]
}

/** What retention will do, if the brake lets it. */
export interface RetentionPlan<Snapshot extends ReceivedSnapshot> {
  readonly groups: readonly RetentionGroup<Snapshot>[]
}

/** A backup that took a day, or of a machine that had no line over a weekend, is still honest. */
const honestDifference = 72 * hour

/**
 * Plans retention by the time of receipt: what a snapshot claims decides nothing. A snapshot that can not be trusted,
 * because its claim lies far from its receipt or because it is suspect, pushes out no other: everything that the policy
 * keeps without it is kept.
 *
 * A plan may leave a group with nothing. Nobody carries it out unasked: `brakeOn` sees that, and everything else.
 *
 * @throws PolicyError POLICY_EMPTY
 */
export function planRetention<Snapshot extends ReceivedSnapshot>(
  snapshots: readonly Snapshot[],
  policy: RetentionPolicy,
  { now, timeZone, groupBy = defaultGroupBy }: RetentionOptions,
): RetentionPlan<Snapshot> {
  if (isEmptyPolicy(policy)) throw new PolicyError('POLICY_EMPTY')
  const stamped = snapshots.map((snapshot) => stamp(snapshot, timeZone))
  const trusted = stamped.filter(({ ledger }) => !isDoubtful(ledger))
  const plan = (some: readonly Stamped<Snapshot>[]) =>
    planForget(some, policy, { groupBy, now, allowRemoveAll: true }).groups
  const keptAmongTrusted = reasonsOf(plan(trusted))
  return { groups: plan(stamped).map((group) => keepAlso(group, keptAmongTrusted)) }
}

/** True when the snapshot may take no place of another. */
function isDoubtful({ received, claimed, suspect = false }: ReceivedSnapshot): boolean {
  return suspect || claimed === undefined || Math.abs(received - claimed) > honestDifference
}

/** A snapshot with its time of receipt where policies look for the time. */
interface Stamped<Snapshot extends ReceivedSnapshot> extends PolicySnapshot {
  readonly ledger: Snapshot
}

type Reasons<Snapshot extends ReceivedSnapshot> = ReadonlyMap<Stamped<Snapshot>, readonly string[]>

function stamp<Snapshot extends ReceivedSnapshot>(ledger: Snapshot, timeZone: string): Stamped<Snapshot> {
  const { id, received, hostname, paths, tags } = ledger
  return { id, time: toRfc3339(received, timeZone), hostname, paths, tags, ledger }
}

function reasonsOf<Snapshot extends ReceivedSnapshot>(
  groups: readonly Pick<ForgetGroup<Stamped<Snapshot>>, 'keep'>[],
): Reasons<Snapshot> {
  return new Map(groups.flatMap(({ keep }) => keep.map(({ snapshot, matches }) => [snapshot, matches] as const)))
}

function keepAlso<Snapshot extends ReceivedSnapshot>(
  group: ForgetGroup<Stamped<Snapshot>>,
  others: Reasons<Snapshot>,
): RetentionGroup<Snapshot> {
  const own = reasonsOf([group])
  const reasons = (snapshot: Stamped<Snapshot>) => own.get(snapshot) ?? others.get(snapshot)
  const newestFirst = [...own.keys(), ...group.remove].toSorted((a, b) => b.ledger.received - a.ledger.received)
  return {
    key: group.key,
    keep: newestFirst.flatMap((each) => {
      const matches = reasons(each)
      return matches === undefined ? [] : [{ snapshot: each.ledger, matches }]
    }),
    remove: newestFirst.filter((each) => reasons(each) === undefined).map(({ ledger }) => ledger),
  }
}
