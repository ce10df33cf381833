/**
 * Policies, as pure values: what to keep of the snapshots of a group, and what `forget` may remove. No clock, no storage.
 *
 * Words: a *policy* says what to keep; a *bucket* is one hour, day, ISO week, month or year where the snapshot was made; a
 * *group* is the snapshots that compete with each other (of one host and the same paths, by default).
 */
export * from './duration.ts'
export * from './errors.ts'
export * from './forget.ts'
export * from './group.ts'
export { applyPolicy, isEmptyPolicy, parseKeepCount } from './retention.ts'
export type { KeepCount, Kept, Period, RetentionPolicy, RetentionResult } from './retention.ts'
export { hasTags, type PolicySnapshot } from './snapshot.ts'
export { weekdays, type Hours, type Weekday } from './hours.ts'
export { dueRun, mostCounted } from './due-run.ts'
export type { MissedRuns, RunNow, RunSituation, WaitForRun } from './due-run.ts'
export { nextRun, planSchedule, runsBetween } from './schedule.ts'
export type { Planner, PlannerOptions, Schedule, Span } from './schedule.ts'
export { estimateFirstCopy, type DiskTravel, type FirstCopy, type FirstCopyEstimate } from './first-copy.ts'
export { limitAt, restNow } from './limits.ts'
export type { LimitNow, Limits, PowerAndLine, Rates, Rest, Resting, RestQuestion } from './limits.ts'
export { brakeOn, defaultBrakeLimits, type BrakeLimits, type BrakeReason, type BrakeView } from './brake.ts'
export { isDoubtful, planRetention } from './retention-by-receipt.ts'
export type { ReceivedSnapshot, RetentionGroup, RetentionOptions, RetentionPlan } from './retention-by-receipt.ts'
export { unusualRun, type Finding, type Measure, type RunCounts, type RunJudgement } from './unusual-run.ts'
export { fullWhen, type FullWhen, type FullWhenQuestion, type UsedAt } from './full-when.ts'
export { mistakesOf, refuseMistakes, retentionOf } from './backup-policy.ts'
export type {
  BackupPolicy,
  CopyDestination,
  Coverage,
  DatabaseDump,
  Destinations,
  Hooks,
  Keep,
  MachineKind,
  Mistake,
} from './backup-policy.ts'
