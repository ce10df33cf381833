/** The server's own backup: overdue, or none that would bring the server back. */
import { asReason, type Finding, finding, type OwnBackupFlaw, type Subject } from '../condition.ts'
import type { OwnBackupView, ServerView } from '../view.ts'
import { limits } from './limits.ts'

export function ownBackupFindings({ name, ownBackup }: ServerView, now: number): Finding[] {
  if (!ownBackup) return []
  const subject: Subject = { type: 'server', id: 'server', name, client: null }
  const isEarly = now - ownBackup.since < limits.ownBackupGrace
  const flaw = (why: OwnBackupFlaw, isThere: boolean) => {
    // Whose password nobody knows is none. One on the same disk helps at least where only the control data are lost.
    const severity = why === 'no password' ? 'warning' : 'notice'
    const trouble = { severity, since: ownBackup.since, facts: { why } } as const
    return finding('own_backup_unusable', subject, { part: why, trouble: isThere && !isEarly ? trouble : null })
  }
  return [
    late(ownBackup, subject, now),
    flaw('no password', !ownBackup.isPasswordKnown),
    flaw('same disk', ownBackup.isOnSameDisk),
  ]
}

function late({ since, lastComplete, reason }: OwnBackupView, subject: Subject, now: number): Finding {
  // One from the future was made by a clock that was wrong, and says nothing of when.
  const from = lastComplete === null || lastComplete - now > limits.clock ? since : lastComplete
  if (now - from <= limits.ownBackupLate) return finding('own_backup_late', subject, { trouble: null })
  const severity = now - from > limits.ownBackupVeryLate ? 'critical' : 'warning'
  const facts = { lastComplete, reason: reason === null ? null : asReason(reason) }
  return finding('own_backup_late', subject, { trouble: { severity, since: from, facts } })
}
