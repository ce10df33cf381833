import { messageOf, throwIfBug } from '#base'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import type { Row } from '../store/tables.ts'
import { clockDoubt } from '../retention/clock-doubt.ts'
import { approvalActions } from './actions.ts'
import { happensByItself, refuseAttacked, serverActor, tell } from './approvals.ts'

/** Does what was allowed. Of many who try at once one does it: the change of its state is the claim. */
export async function carryOut(services: Services, id: string): Promise<void> {
  const { store } = services
  const approval = await store.db.selectFrom('approvals').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  try {
    await perform(services, approval)
  } catch (thrown) {
    throwIfBug(thrown)
    await noteFailure(services, approval, messageOf(thrown))
  }
}

async function perform(services: Services, approval: Row<'approvals'>): Promise<void> {
  const { store, clock } = services
  const action = approvalActions.find(({ name }) => name === approval.action)
  if (!action) throw new ServerError('NOT_FOUND', { what: 'action' }) // written by a newer version
  const isDelayOver = approval.state === 'waiting' && happensByItself(approval) && approval.notBefore <= clock.now()
  if (approval.state !== 'allowed' && !isDelayOver) return
  await store.db.transaction().execute(async (transaction) => {
    const claimed = await transaction
      .updateTable('approvals')
      .set({ state: 'done' })
      .where('id', '=', approval.id)
      .where('state', '=', approval.state)
      .returning('id')
      .executeTakeFirst()
    if (!claimed) return
    // Who asked while an attack was told of has asked after everything that waited was withdrawn.
    if (action.inAttack !== true) await refuseAttacked(transaction, approval.clientId)
    const { decidedBy } = approval
    const actor = decidedBy === null ? serverActor : { who: `person:${decidedBy}`, fromWhere: 'server' }
    const details = action.details.parse(JSON.parse(approval.details))
    await action.perform(details, { services, transaction, approval, actor })
    await tell(services, approval, { transaction, actor, verb: 'done' })
  })
}

async function noteFailure(services: Services, approval: Row<'approvals'>, reason: string): Promise<void> {
  await services.store.db.transaction().execute(async (transaction) => {
    const failed = await transaction
      .updateTable('approvals')
      .set({ state: 'failed' })
      .where('id', '=', approval.id)
      .where('state', '=', approval.state)
      .returning('id')
      .executeTakeFirst()
    if (failed) await tell(services, approval, { transaction, actor: serverActor, verb: 'fail', reason })
  })
}

/** The round: what was allowed and not done (a crash between), what its delay is over of, and what has expired. */
export async function lookAtApprovals(services: Services): Promise<void> {
  const { store, clock } = services
  const now = clock.now()
  await expire(services, now)
  const allowed = await store.db.selectFrom('approvals').select('id').where('state', '=', 'allowed').execute()
  for (const { id } of allowed) await carryOut(services, id)
  const due = await store.db
    .selectFrom('approvals')
    .select('id')
    .where('state', '=', 'waiting')
    .where('notBefore', '<=', now)
    .where('expiresAt', '>', now)
    .execute()
  // A clock that was set forward must not end a delay.
  if (due.length === 0 || (await clockDoubt(services)) !== undefined) return
  for (const { id } of due) await carryOut(services, id)
}

async function expire(services: Services, now: number): Promise<void> {
  await services.store.db.transaction().execute(async (transaction) => {
    const expired = await transaction
      .updateTable('approvals')
      .set({ state: 'expired', decidedAt: now })
      .where('state', '=', 'waiting')
      .where('expiresAt', '<=', now)
      .returningAll()
      .execute()
    for (const approval of expired) await tell(services, approval, { transaction, actor: serverActor, verb: 'expire' })
  })
}
