/** Accounts that are handed to somebody by a link: whom it does not surprise knows of it; whom it does must hear of it. */
import { finding, type Finding, type Subject } from '../condition.ts'
import type { AccountReset, AccountView } from '../view.ts'
import { limits } from './limits.ts'

export function accountFindings({ id, name, reset }: AccountView, now: number): Finding[] {
  const subject: Subject = { type: 'person', id, name, client: null }
  if (!reset || !isNews(reset, now)) return [finding('account_reset', subject, { trouble: null })]
  const { by, madeAt, usedAt } = reset
  return [
    finding('account_reset', subject, { trouble: { severity: 'critical', since: madeAt, facts: { by, usedAt } } }),
  ]
}

/** As long as it can be used, and long enough after it was for everybody to object. */
function isNews({ usedAt, expiresAt }: AccountReset, now: number): boolean {
  return usedAt === null ? now < expiresAt : now - usedAt < limits.accountReset
}
