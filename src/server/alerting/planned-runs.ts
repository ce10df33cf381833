import { limitAt, planSchedule, restNow } from '#policy'
import type { BackupPolicy, Planner } from '#policy'
import { limits } from '../alerts/index.ts'

/** What a policy on a machine plans. */
export interface Plan {
  /** Milliseconds between two planned runs, the longest of those to come. */
  readonly every: number
  /** Planned runs after the moment that was asked for, each when the policy lets it begin. */
  readonly planned: readonly number[]
}

const minute = 60_000
const day = 24 * 60 * minute
/** Runs to come that tell how far they are apart: all of a week of daily ones. */
const mostCompared = 8
/** How exactly it is looked for when a rest ends, and how long at most. */
const step = 15 * minute
const longestRest = 7 * day

/**
 * The plans of all machines. Schedules are worked out in local time with all its changes, which takes a while: each plan is
 * made once, and again when a run was made or the policy has changed.
 */
export class PlannedRuns {
  readonly #plans = new Map<string, { readonly asked: string; readonly plan: Plan }>()

  /** `from`: since when runs are expected, in milliseconds since 1970. */
  planOf(
    {
      machineId,
      policyId,
      revision,
    }: { readonly machineId: string; readonly policyId: string; readonly revision: number },
    policy: BackupPolicy,
    from: number,
  ): Plan {
    const key = `${machineId} ${policyId}`
    const asked = `${revision} ${from}`
    const known = this.#plans.get(key)
    if (known?.asked === asked) return known.plan
    const plan = makePlan(policy, machineId, from)
    this.#plans.set(key, { asked, plan })
    return plan
  }

  /** What no machine follows any more is forgotten. */
  keepOnly(pairs: readonly { readonly machineId: string; readonly policyId: string }[]): void {
    const wanted = new Set(pairs.map(({ machineId, policyId }) => `${machineId} ${policyId}`))
    for (const key of this.#plans.keys()) if (!wanted.has(key)) this.#plans.delete(key)
  }
}

function makePlan(policy: BackupPolicy, machine: string, from: number): Plan {
  const runs = firstRuns(planSchedule(policy.when, { machine }), from)
  const gaps = runs.slice(1).map((run, index) => run - (runs[index] ?? run))
  const planned = runs.slice(0, limits.missedCriticallyRuns).map((run) => endOfRest(policy, run))
  return { every: gaps.length > 0 ? Math.max(...gaps) : day, planned }
}

function firstRuns(planner: Planner, from: number): number[] {
  const runs: number[] = []
  for (let run = planner.next(from); run !== undefined && runs.length < mostCompared; run = planner.next(run)) {
    runs.push(run)
  }
  return runs
}

/** A run that the policy itself holds back is not late. */
function endOfRest({ limits: rates = {}, rest = {}, when: { timeZone } }: BackupPolicy, run: number): number {
  const rests = (now: number) =>
    limitAt(rates, now, timeZone).upload === 0 || restNow(rest, { now, timeZone }) !== undefined
  let at = run
  while (at - run < longestRest && rests(at)) at += step
  return at
}
