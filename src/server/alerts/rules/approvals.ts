/** What waits for a yes, or for a delay in which everybody is to hear of it; and clients in which nothing is removed. */
import { finding, type Finding, type Subject } from '../condition.ts'
import type { ApprovalView, AttackView, ServerView } from '../view.ts'

/** Critical what a person has asked for: a thief of an account would ask for just that, and the delay is there to be objected in. */
export function approvalFindings(
  { id: part, client, what, by, askedAt: since, happensAt, isOver }: ApprovalView,
  server: ServerView,
): Finding[] {
  const subject: Subject =
    client === null
      ? { type: 'server', id: 'server', name: server.name, client: null }
      : { type: 'client', ...client, client }
  if (isOver) return [finding('approval_waits', subject, { part, trouble: null })]
  const severity = by === null ? 'warning' : 'critical'
  return [finding('approval_waits', subject, { part, trouble: { severity, since, facts: { what, by, happensAt } } })]
}

export function attackFindings({ client, since }: AttackView): Finding[] {
  const subject: Subject = { type: 'client', ...client, client }
  const trouble = since === null ? null : ({ severity: 'warning', since, facts: {} } as const)
  return [finding('client_attacked', subject, { trouble })]
}
