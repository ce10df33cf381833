/** Copies elsewhere: behind, on disks that nobody plugs in, or at places that do not keep them. */
import { asReason, type Finding, finding, type Subject } from '../condition.ts'
import type { CopyView, DestinationRef, DisksView, TamperView } from '../view.ts'
import { limits } from './limits.ts'

export function copyFindings(copy: CopyView, now: number): Finding[] {
  const { id: part, destination, repository, lastComplete, dueSince } = copy
  const subject = subjectOf(destination)
  if (dueSince === undefined || now - dueSince <= limits.copyLate) {
    return [finding('copy_behind', subject, { part, trouble: null })]
  }
  const isVeryLate = now - dueSince > limits.copyVeryLate
  // The first copy over a thin line takes days: while it goes on, nothing is said to be wrong, and after that nothing worse.
  if (copy.isRunning && !isVeryLate) return [finding('copy_behind', subject, { part, trouble: 'unsure' })]
  const severity = isVeryLate && !copy.isRunning ? 'critical' : 'warning'
  const reason = copy.reason === null ? null : asReason(copy.reason)
  const facts = { repository, lastComplete, reason }
  return [finding('copy_behind', subject, { part, trouble: { severity, since: dueSince, facts } })]
}

export function diskFindings({ destination, lastSeen, since, remindAfter }: DisksView, now: number): Finding[] {
  const subject = subjectOf(destination)
  const age = now - (lastSeen ?? since)
  if (age <= remindAfter) return [finding('disks_overdue', subject, { trouble: null })]
  const severity = age > limits.disksVeryLate * remindAfter ? 'critical' : 'warning'
  const facts = { lastSeen }
  return [finding('disks_overdue', subject, { trouble: { severity, since: (lastSeen ?? since) + remindAfter, facts } })]
}

/** That a machine could destroy its own backups breaks what the server promises; another place may only be described wrongly. */
export function tamperFindings({ subject, by, testedAt, isRefused }: TamperView): Finding[] {
  if (isRefused) return [finding('tampering_not_refused', subject, { trouble: null })]
  const severity = by === 'machine' ? 'critical' : 'warning'
  return [finding('tampering_not_refused', subject, { trouble: { severity, since: testedAt, facts: { by } } })]
}

function subjectOf(destination: DestinationRef): Subject {
  return { type: 'destination', ...destination }
}
