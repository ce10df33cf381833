import { approvalSchema } from '#protocol'
import type { Approval } from '#protocol'
import type { Services } from '../app/services.ts'
import type { Row } from '../store/tables.ts'
import { formatMoment, formatMomentOrNull } from '../time.ts'
import { approvalActions } from './actions.ts'
import { happensByItself } from './approvals.ts'

export async function loadApproval({ store }: Services, id: string): Promise<Row<'approvals'>> {
  return await store.db.selectFrom('approvals').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

/** An approval for people: with its sentence, which is also what a notice to them says. */
export function showApproval(approval: Row<'approvals'>): Approval {
  const { id, clientId, action, askedBy, askedAt, notBefore, expiresAt, decidedBy, decidedAt, state } = approval
  const isDelayed = happensByItself(approval)
  return {
    id,
    clientId,
    action,
    sentence: sentenceOf(approval),
    askedBy,
    askedAt: formatMoment(askedAt),
    needs: isDelayed ? 'delay' : 'person',
    happensAt: isDelayed ? formatMoment(notBefore) : null,
    expiresAt: formatMoment(expiresAt),
    decidedBy,
    decidedAt: formatMomentOrNull(decidedAt),
    state: approvalSchema.shape.state.parse(state),
  }
}

/** What was asked for, in words that go on "asked to". */
export function describeApproval({ action: name, details }: Pick<Row<'approvals'>, 'action' | 'details'>): string {
  const action = approvalActions.find((known) => known.name === name)
  // Of a newer version, taken back since.
  return action ? action.describe(action.details.parse(JSON.parse(details))) : `do "${name}"`
}

function sentenceOf(approval: Row<'approvals'>): string {
  const { notBefore, expiresAt } = approval
  const what = describeApproval(approval)
  if (happensByItself(approval))
    return `Asked to ${what}. It happens on ${formatMoment(notBefore)}, unless somebody withdraws it.`
  return `Asked to ${what}. It waits for another person until ${formatMoment(expiresAt)}.`
}
