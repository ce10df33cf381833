/**
 * Policies, as pure values: what to back up and when, what to keep, what may be removed, and what follows from what was
 * measured. No clock, no storage.
 *
 * Words: a *backup policy* says what, when, for how long and where to. A *schedule* names instants; those within its hours are
 * *planned runs*, and each is run, *missed*, or still to come. A retention policy says what to keep; a *bucket* is one hour, day,
 * ISO week, month or year; a *group* is the snapshots that compete with each other (of one host and the same paths, by
 * default). The *brake* is what stops a removal until a person has looked at it. A *wall time* is what the clock on the wall
 * shows, an *instant* is the same moment everywhere.
 */
export { mistakesOf, refuseMistakes, retentionOf } from './backup-policy.ts'
export type { BackupPolicy, CopyDestination, Coverage, DatabaseDump, Destinations } from './backup-policy.ts'
export type { HookDump, Hooks, Keep, MachineKind, Mistake } from './backup-policy.ts'
export { brakeOn, defaultBrakeLimits, type BrakeLimits, type BrakeReason, type BrakeView } from './brake.ts'
export { dueRun, mostCounted, type MissedRuns, type RunNow, type RunSituation, type WaitForRun } from './due-run.ts'
export * from './duration.ts'
export * from './errors.ts'
export { estimateFirstCopy, type DiskTravel, type FirstCopy, type FirstCopyEstimate } from './first-copy.ts'
export * from './forget.ts'
export { fullWhen, type FullWhen, type FullWhenQuestion, type UsedAt } from './full-when.ts'
export * from './group.ts'
export type { Hours, Weekday } from './hours.ts'
export { keepsLess } from './keeps-less.ts'
export { limitAt, restNow } from './limits.ts'
export type { LimitNow, Limits, PowerAndLine, Rates, Rest, Resting, RestQuestion } from './limits.ts'
export { planRetention } from './retention-by-receipt.ts'
export type { ReceivedSnapshot, RetentionGroup, RetentionOptions, RetentionPlan } from './retention-by-receipt.ts'
export { applyPolicy, isEmptyPolicy, parseKeepCount } from './retention.ts'
export type { KeepCount, Kept, Period, RetentionPolicy, RetentionResult } from './retention.ts'
export {
  nextRun,
  planSchedule,
  runsBetween,
  type Planner,
  type PlannerOptions,
  type Schedule,
  type Span,
} from './schedule.ts'
export { hasTags, type PolicySnapshot } from './snapshot.ts'
export { unusualRun, type Finding, type Measure, type RunCounts, type RunJudgement } from './unusual-run.ts'
