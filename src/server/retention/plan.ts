import { planRetention, retentionOf } from '#policy'
import type { BackupPolicy, GroupKey, ReceivedSnapshot, RetentionGroup, RetentionPlan } from '#policy'

/**
 * What the server's retention will remove, by the policies that the machine follows. A group of snapshots goes by the policies
 * that name just its folders; one that none names (its policy was changed since) by all of them, and what one of several
 * keeps is kept.
 *
 * The newest that is known to be good, and is not suspect, stays in any case, and so does the newest that nobody suspects: then
 * a machine whose backups have been incomplete for months needs no person for the others.
 *
 * @throws PolicyError POLICY_EMPTY
 */
export function planByPolicies(
  policies: readonly BackupPolicy[],
  snapshots: readonly ReceivedSnapshot[],
  now: number,
): RetentionPlan<ReceivedSnapshot> {
  const plans = policies.map((policy) => {
    const { groups } = planRetention(snapshots, retentionOf(policy.keep), { now, timeZone: policy.when.timeZone })
    return { policy, groups: new Map(groups.map((group) => [nameOf(group.key), group])) }
  })
  const names = [...(plans[0]?.groups.keys() ?? [])]
  const groups = names.map((name) => {
    const own = plans.filter(({ policy, groups: all }) => isOf(policy, all.get(name)?.key))
    const counted = own.length > 0 ? own : plans
    return keepTheBest(unionOf(counted.flatMap(({ groups: all }) => all.get(name) ?? [])))
  })
  return { groups }
}

function nameOf(key: GroupKey): string {
  return JSON.stringify(key)
}

function isOf({ what: { include } }: BackupPolicy, key: GroupKey | undefined): boolean {
  const plain = (paths: readonly string[]) => JSON.stringify(paths.map(withoutEndSlash).toSorted())
  return plain(include) === plain(key?.paths ?? [])
}

function withoutEndSlash(path: string): string {
  return path.length > 1 ? path.replace(/[\\/]+$/, '') : path
}

type Group = RetentionGroup<ReceivedSnapshot>

function unionOf(same: readonly Group[]): Group {
  const [first] = same as [Group]
  const reasons = new Map<ReceivedSnapshot, readonly string[]>()
  for (const { keep } of same) {
    for (const { snapshot, matches } of keep) reasons.set(snapshot, [...(reasons.get(snapshot) ?? []), ...matches])
  }
  return withReasons(first, reasons)
}

function keepTheBest(group: Group): Group {
  const reasons = new Map(group.keep.map(({ snapshot, matches }) => [snapshot, matches]))
  const all = newestFirst(group)
  const keepOne = (why: string, isSuch: (snapshot: ReceivedSnapshot) => boolean) => {
    const newest = all.find(isSuch)
    if (newest && !reasons.has(newest)) reasons.set(newest, [why])
  }
  keepOne('newest good snapshot', ({ good, suspect }) => good === true && suspect !== true)
  keepOne('newest that is not suspect', ({ suspect }) => suspect !== true)
  return withReasons(group, reasons)
}

function newestFirst({ keep, remove }: Group): ReceivedSnapshot[] {
  return [...keep.map(({ snapshot }) => snapshot), ...remove].toSorted((a, b) => b.received - a.received)
}

function withReasons(group: Group, reasons: ReadonlyMap<ReceivedSnapshot, readonly string[]>): Group {
  const all = newestFirst(group)
  return {
    key: group.key,
    keep: all.flatMap((snapshot) => {
      const matches = reasons.get(snapshot)
      return matches ? [{ snapshot, matches }] : []
    }),
    remove: all.filter((snapshot) => !reasons.has(snapshot)),
  }
}
