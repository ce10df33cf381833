/** Backups: failed, did not run, empty, suspiciously small, too often in vain. */
import type { Severity } from '#protocol'
import { asReason, type Finding, finding, type Subject } from '../condition.ts'
import { day, hour } from '../units.ts'
import type { MachineView, ProtectionView, RunView } from '../view.ts'
import { limits } from './limits.ts'

/** What one backup policy on one machine has to say. */
export function runFindings(
  protection: ProtectionView,
  machine: MachineView,
  { now, isUnsure }: { readonly now: number; readonly isUnsure: boolean },
): Finding[] {
  if (protection.paused) return []
  const subject: Subject = { type: 'machine', id: machine.id, name: machine.name, client: machine.client }
  const about = { subject, part: protection.id }
  return [
    runFailed(protection, about, now),
    ...runMissed(protection, machine, { ...about, now, isUnsure }),
    ...sizeFindings(protection, about),
    successRate(protection, about, now),
  ]
}

interface About {
  readonly subject: Subject
  readonly part: string
}

function runFailed(
  { policy, every, activeSince, runs }: ProtectionView,
  { subject, part }: About,
  now: number,
): Finding {
  // A cancelled run says nothing of whether the next one would work.
  const ended = runs.filter(({ outcome }) => outcome !== 'cancelled')
  const firstGood = ended.findIndex(isGood)
  const failures = firstGood === -1 ? ended : ended.slice(0, firstGood)
  const [newest, first] = [failures[0], failures.at(-1)]
  if (!newest || !first) return finding('run_failed', subject, { part, trouble: null })
  const lastGood = ended[firstGood]?.endedAt ?? null
  const isLong = now - (lastGood ?? activeSince) > limits.missedAfter * every
  const facts = { policy, lastGood, reason: asReason(newest.reason ?? 'no reason was given'), times: failures.length }
  const severity: Severity = isLong ? 'critical' : 'warning'
  return finding('run_failed', subject, { part, trouble: { severity, since: first.endedAt, facts } })
}

function runMissed(
  protection: ProtectionView,
  machine: MachineView,
  { subject, part, now, isUnsure }: About & { readonly now: number; readonly isUnsure: boolean },
): Finding[] {
  if (isAway(machine, now)) return []
  const { policy, every, runningSince = null } = protection
  const { dueAt, badAt } = whenMissed(protection, machine)
  if (now <= dueAt || wasOff(machine, dueAt)) return [finding('run_missed', subject, { part, trouble: null })]
  if (isUnsure || isUnderWay(runningSince, every, now) || isCatchingUp(machine, now)) {
    return [finding('run_missed', subject, { part, trouble: 'unsure' })]
  }
  const severity: Severity = now > badAt ? 'critical' : 'warning'
  const facts = { policy, lastRun: lastRunOf(protection), every, runningSince }
  return [finding('run_missed', subject, { part, trouble: { severity, since: dueAt, facts } })]
}

/** From when on a run is missed, and from when on that is bad. */
function whenMissed(
  protection: ProtectionView,
  { awayUntil = 0 }: MachineView,
): { readonly dueAt: number; readonly badAt: number } {
  const { planned, every, activeSince } = protection
  if (planned) {
    const [first = Infinity] = planned
    const last = planned[limits.missedCriticallyRuns - 1] ?? Infinity
    return { dueAt: first + limits.missedGrace, badAt: last + limits.missedGrace }
  }
  // Time away does not count, nor time before anything was expected.
  const from = Math.max(lastRunOf(protection) ?? 0, activeSince, awayUntil)
  return { dueAt: from + limits.missedAfter * every, badAt: from + limits.missedCriticallyAfter * every }
}

/** Whoever cancels every run has no backup either. */
function lastRunOf({ runs }: ProtectionView): number | null {
  return runs.find(({ outcome }) => outcome !== 'cancelled')?.endedAt ?? null
}

/** A run that goes on for very long is no excuse: it may hang. */
function isUnderWay(runningSince: number | null, every: number, now: number): boolean {
  return runningSince !== null && now - runningSince <= Math.max(day, limits.missedAfter * every)
}

/** PCs and laptops are switched off: while one is, its own limit of silence counts. */
function wasOff({ kind, lastSeen, enrolledAt }: MachineView, dueAt: number): boolean {
  return isSwitchedOff(kind) && (lastSeen ?? enrolledAt) < dueAt
}

function isCatchingUp({ kind, heardSince }: MachineView, now: number): boolean {
  return isSwitchedOff(kind) && heardSince !== undefined && now - heardSince < limits.catchUp
}

function isSwitchedOff(kind: MachineView['kind']): boolean {
  return kind === 'pc' || kind === 'laptop'
}

export function isAway({ awayUntil }: MachineView, now: number): boolean {
  return awayUntil !== undefined && awayUntil > now
}

/** Empty and small are one question with two answers: looked at together, so that one does not end as the other begins. */
function sizeFindings({ policy, runs }: ProtectionView, { subject, part }: About): Finding[] {
  const good = runs.filter(isGood)
  const [newest, ...before] = good
  if (!newest) return []
  const isEmpty = newest.bytes === 0 || newest.files === 0
  const empty = isEmpty
    ? ({ severity: 'critical', since: sinceWhen(good, isEmptyRun), facts: { policy, at: newest.endedAt } } as const)
    : null
  return [
    finding('backup_empty', subject, { part, trouble: empty }),
    smallFinding(policy, [newest, ...before], { subject, part }),
  ]
}

function smallFinding(policy: string, good: readonly [RunView, ...RunView[]], { subject, part }: About): Finding {
  const [newest, ...before] = good
  const usual = before.slice(0, limits.usualRuns)
  const usualBytes = median(usual.flatMap(({ bytes }) => bytes ?? []))
  const usualFiles = median(usual.flatMap(({ files }) => files ?? []))
  const share = (run: RunView) => Math.min(shareOf(run.bytes, usualBytes), shareOf(run.files, usualFiles))
  if (usual.length < limits.usualRunsAtLeast || isEmptyRun(newest) || share(newest) >= limits.small) {
    return finding('backup_small', subject, { part, trouble: null })
  }
  const severity: Severity = share(newest) < limits.verySmall ? 'critical' : 'warning'
  const facts = { policy, bytes: newest.bytes ?? 0, usualBytes, files: newest.files ?? 0, usualFiles }
  const since = sinceWhen(good, (run) => share(run) < limits.small)
  return finding('backup_small', subject, { part, trouble: { severity, since, facts } })
}

function successRate({ policy, runs }: ProtectionView, { subject, part }: About, now: number): Finding {
  const counted = runs.filter(({ outcome, endedAt }) => outcome !== 'cancelled' && endedAt > now - limits.rateWindow)
  const good = counted.filter(isGood).length
  const rate = good / counted.length
  if (counted.length < limits.rateRunsAtLeast || rate >= limits.rate) {
    return finding('success_rate', subject, { part, trouble: null })
  }
  const severity: Severity = rate < limits.rateCritical ? 'critical' : 'warning'
  const since = counted.findLast((run) => !isGood(run))?.endedAt ?? now - hour
  return finding('success_rate', subject, {
    part,
    trouble: { severity, since, facts: { policy, good, runs: counted.length } },
  })
}

function isGood({ outcome }: RunView): boolean {
  return outcome === 'done' || outcome === 'warnings'
}

function isEmptyRun({ bytes, files }: RunView): boolean {
  return bytes === 0 || files === 0
}

/** When the newest unbroken row of runs of which `is` holds began. */
function sinceWhen(newestFirst: readonly RunView[], is: (run: RunView) => boolean): number {
  const end = newestFirst.findIndex((run) => !is(run))
  const row = end === -1 ? newestFirst : newestFirst.slice(0, end)
  return row.at(-1)?.endedAt ?? 0
}

/** Without a usual to compare with, nothing is small. */
function shareOf(value: number | undefined, usual: number): number {
  return value === undefined || usual === 0 ? 1 : value / usual
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
