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
