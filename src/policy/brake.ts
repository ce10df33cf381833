import { formatBytes, formatCount, formatShare, formatSpan } from '#base'
import { describeGroup } from './group.ts'
import type { ReceivedSnapshot, RetentionPlan } from './retention-by-receipt.ts'
import type { RunJudgement } from './unusual-run.ts'
import { day, minute } from './zone.ts'

/** How much one run of retention may remove without a person, as shares from 0 to 1. */
export interface BrakeLimits {
  readonly snapshots: number
  readonly bytes: number
}

export const defaultBrakeLimits: BrakeLimits = { snapshots: 0.25, bytes: 0.25 }

/** What is known when a plan is about to be carried out. What is absent was not looked at; it lets nothing pass that it would stop. */
export interface BrakeView<Snapshot extends ReceivedSnapshot> {
  readonly plan: RetentionPlan<Snapshot>
  readonly limits?: BrakeLimits | undefined
  /** By the plan of the prune that would follow. */
  readonly bytes?: { readonly removed: number; readonly total: number } | undefined
  /** Judgements of the runs whose snapshots came since retention last ran. */
  readonly judgements?: readonly RunJudgement[] | undefined
  /** The client is in the state "we may have been attacked". */
  readonly attacked?: boolean | undefined
  /** How many snapshots the schedules make a day; with it a flood of them is seen. */
  readonly plannedPerDay?: number | undefined
  /** Floods of snapshots that were received up to here are known to a person. */
  readonly lookedAtUntil?: number | undefined
  /** Milliseconds between the server's clock and the one of the storage. */
  readonly clockDifference?: number | undefined
}

/** Why a plan is stopped: a stable code, the values, and a sentence. */
export type BrakeReason =
  | Reason<'CLIENT_ATTACKED'>
  | Reason<'RUN_UNUSUAL'>
  | Reason<'LAST_GOOD_REMOVED', { readonly good: number }>
  | Reason<'NOTHING_LEFT', { readonly snapshots: number }>
  | Reason<
      'TOO_MANY_SNAPSHOTS' | 'TOO_MANY_BYTES',
      { readonly removed: number; readonly total: number; readonly limit: number }
    >
  | Reason<'SNAPSHOT_FLOOD', { readonly snapshots: number; readonly planned: number }>
  | Reason<'CLOCKS_DIFFER', { readonly milliseconds: number }>

type Reason<Code extends string, Values = unknown> = { readonly code: Code; readonly sentence: string } & Values

/** So few are never too many: of four snapshots the oldest is a quarter, and goes each night. */
const alwaysFew = 3

/** Runs by hand, and runs that were made again, are no flood. */
const floodFactor = 3
const floodFloor = 20

const clocksAgree = 5 * minute

/** The reasons why the plan must not be carried out without a person; none lets it pass. A plan that removes nothing passes. */
export function brakeOn<Snapshot extends ReceivedSnapshot>(view: BrakeView<Snapshot>): BrakeReason[] {
  const removed = view.plan.groups.flatMap(({ remove }) => remove)
  if (removed.length === 0) return []
  return [
    ...attackReasons(view),
    ...view.plan.groups.flatMap(lossReasons),
    ...shareReasons(view, removed.length),
    ...floodReasons(view),
    ...clockReasons(view),
  ]
}

function attackReasons({ attacked = false, judgements = [] }: BrakeView<ReceivedSnapshot>): BrakeReason[] {
  const unusual = judgements.filter(({ answer }) => answer === 'unusual')
  const state = 'This client may have been attacked: nothing is removed until that state is ended.'
  return [
    ...(attacked ? [{ code: 'CLIENT_ATTACKED', sentence: state } as const] : []),
    ...unusual.map(({ because }) => ({ code: 'RUN_UNUSUAL', sentence: `A run was unusual. ${because}` }) as const),
  ]
}

function lossReasons({ key, keep, remove }: RetentionPlan<ReceivedSnapshot>['groups'][number]): BrakeReason[] {
  const group = describeGroup(key)
  const good = remove.filter((snapshot) => snapshot.good === true).length
  if (keep.length === 0) {
    const sentence = `All ${remove.length} snapshots of ${group} would be removed.`
    return [{ code: 'NOTHING_LEFT', snapshots: remove.length, sentence }]
  }
  if (good === 0 || keep.some(({ snapshot }) => snapshot.good === true && snapshot.suspect !== true)) return []
  const sentence = `No snapshot of ${group} that is known to be good would be left: ${good} would be removed.`
  return [{ code: 'LAST_GOOD_REMOVED', good, sentence }]
}

function shareReasons(
  { plan, limits = defaultBrakeLimits, bytes }: BrakeView<ReceivedSnapshot>,
  removed: number,
): BrakeReason[] {
  const total = plan.groups.reduce((sum, { keep, remove }) => sum + keep.length + remove.length, 0)
  const reasons: BrakeReason[] = []
  if (removed > alwaysFew && removed / total > limits.snapshots) {
    const sentence = `${removed} of ${formatCount(total, 'snapshot')} would be removed, ${formatShare(removed / total)}; up to ${formatShare(limits.snapshots)} go without a person.`
    reasons.push({ code: 'TOO_MANY_SNAPSHOTS', removed, total, limit: limits.snapshots, sentence })
  }
  if (bytes !== undefined && bytes.removed > bytes.total * limits.bytes) {
    const sentence = `${formatBytes(bytes.removed)} of ${formatBytes(bytes.total)} would be removed, ${formatShare(bytes.removed / bytes.total)}; up to ${formatShare(limits.bytes)} go without a person.`
    reasons.push({ code: 'TOO_MANY_BYTES', ...bytes, limit: limits.bytes, sentence })
  }
  return reasons
}

/** Snapshots with honest times push others out too, when there are enough of them. */
function floodReasons({
  plan,
  plannedPerDay: planned,
  lookedAtUntil = -Infinity,
}: BrakeView<ReceivedSnapshot>): BrakeReason[] {
  if (planned === undefined) return []
  const all = plan.groups.flatMap(({ keep, remove }) => [...keep.map(({ snapshot }) => snapshot), ...remove])
  const snapshots = mostInOneDay(all.map(({ received }) => received).filter((received) => received > lookedAtUntil))
  if (snapshots <= Math.max(floodFloor, planned * floodFactor)) return []
  const sentence = `${snapshots} snapshots were received within one day, where ${planned} are planned.`
  return [{ code: 'SNAPSHOT_FLOOD', snapshots, planned, sentence }]
}

function mostInOneDay(instants: readonly number[]): number {
  const ordered = instants.toSorted((one, other) => one - other)
  let first = 0
  let most = 0
  for (const [last, instant] of ordered.entries()) {
    while ((ordered[first] as number) <= instant - day) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

function clockReasons({ clockDifference = 0 }: BrakeView<ReceivedSnapshot>): BrakeReason[] {
  const milliseconds = Math.abs(clockDifference)
  if (milliseconds <= clocksAgree) return []
  const sentence = `The clocks of server and storage differ by ${formatSpan(milliseconds)}: one of them is wrong.`
  return [{ code: 'CLOCKS_DIFFER', milliseconds, sentence }]
}
