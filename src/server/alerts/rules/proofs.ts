/** Proofs that failed, or were not made in time. */
import { asReason, type Finding, finding, type Subject } from '../condition.ts'
import type { ProofView } from '../view.ts'
import { limits } from './limits.ts'

export function proofFindings(proof: ProofView, now: number): Finding[] {
  const { id: part, kind, subject, every, activeSince, lastPassed, failed } = proof
  const about: Subject = subject
  const failure =
    failed &&
    ({ severity: 'critical', since: failed.at, facts: { proof: kind, reason: asReason(failed.reason) } } as const)
  // A failed proof has been made, but proves nothing: it stays overdue.
  const from = Math.max(lastPassed ?? 0, activeSince)
  const late = now > from + limits.proofLate * every
  const overdue = {
    severity: now > from + limits.proofVeryLate * every ? 'critical' : 'warning',
    since: Math.round(from + limits.proofLate * every),
    facts: { proof: kind, lastPassed, every },
  } as const
  return [
    finding('proof_failed', about, { part, trouble: failure ?? null }),
    finding('proof_overdue', about, { part, trouble: late ? overdue : null }),
  ]
}
