/** What may be an attack, and what ends trust: ledger against storage, retention that is held, certificates. */
import type { Severity } from '#protocol'
import { asReason, type Finding, finding, type LedgerFindingKind, type Subject } from '../condition.ts'
import type { CertificateView, RepositoryView, ServerView } from '../view.ts'
import { limits } from './limits.ts'

const findingKinds: readonly LedgerFindingKind[] = ['missing', 'rolled_back', 'invented']

export function repositoryFindings({ id, name, client, findings, held, passwordKeptSince }: RepositoryView): Finding[] {
  const subject: Subject = { type: 'repository', id, name, client }
  const disagreements = findingKinds.map((kind) => {
    const found = findings.find((candidate) => candidate.kind === kind)
    const trouble =
      found && ({ severity: 'critical', since: found.foundAt, facts: { finding: kind, count: found.count } } as const)
    return finding('ledger_disagrees', subject, { part: kind, trouble: trouble ?? null })
  })
  const hold = held && ({ severity: 'critical', since: held.since, facts: { reason: asReason(held.reason) } } as const)
  const kept =
    passwordKeptSince === undefined ? null : ({ severity: 'notice', since: passwordKeptSince, facts: {} } as const)
  return [
    ...disagreements,
    finding('retention_held', subject, { trouble: hold ?? null }),
    finding('password_kept', subject, { trouble: kept }),
  ]
}

/** Two states of one server: what one of them does, the other does not know. And a clock by which nothing can be decided. */
export function serverFindings({ name, superseded, clockAhead: ahead }: ServerView, now: number): Finding[] {
  const subject: Subject = { type: 'server', id: 'server', name, client: null }
  const trouble =
    superseded &&
    ({ severity: 'critical', since: superseded.since, facts: { reason: asReason(superseded.because) } } as const)
  const wrong =
    ahead === undefined ? null : ({ severity: 'critical', since: now, facts: { ahead, than: 'machines' } } as const)
  return [
    finding('server_superseded', subject, { trouble: trouble ?? null }),
    finding('clock_wrong', subject, { trouble: wrong }),
  ]
}

export function certificateFindings(certificate: CertificateView, now: number): Finding[] {
  const { id, name, client, endsAt, renewsItself } = certificate
  const { warning, warningWhenRenewed, critical } = limits.certificate
  const subject: Subject = { type: 'certificate', id, name, client }
  const left = endsAt - now
  const from = renewsItself ? warningWhenRenewed : warning
  if (left > from) return [finding('certificate_ending', subject, { trouble: null })]
  const severity: Severity = left <= critical ? 'critical' : 'warning'
  const facts = { endsAt, ended: left <= 0 }
  return [finding('certificate_ending', subject, { trouble: { severity, since: endsAt - from, facts } })]
}
