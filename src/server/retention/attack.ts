import { hasCode } from '#base'
import type { Services } from '../app/services.ts'
import { withdrawAllOf } from '../approvals/approvals.ts'
import { noteEvents } from '../events/note-events.ts'
import type { Actor } from '../records/audit.ts'
import type { Row } from '../store/tables.ts'
import { deletingKinds } from './kinds.ts'

/**
 * "We may have been attacked": from this moment nothing of a client is removed, whatever was asked for waits no more, and what
 * removes just now is ended. Backups go on; what they bring is marked suspect. One person is enough, at once; to end it takes two,
 * or a delay. Asked twice it is one.
 */
export async function enterAttack(services: Services, clientId: string, actor: Actor): Promise<Row<'clients'>> {
  const { store, clock, audit, operations } = services
  const now = clock.now()
  const client = await store.db.transaction().execute(async (transaction) => {
    const changed = await transaction
      .updateTable('clients')
      .set({ state: 'attacked', stateSince: now })
      .where('id', '=', clientId)
      .where('state', '!=', 'attacked')
      .returningAll()
      .executeTakeFirst()
    if (changed) {
      await audit.write({ actor, what: 'client.attacked', clientId }, transaction)
      await noteEvents(transaction, [{ kind: 'client', subject: clientId, clientId }], clock)
      await withdrawAllOf(services, clientId, { transaction, actor })
    }
    return await transaction.selectFrom('clients').selectAll().where('id', '=', clientId).executeTakeFirstOrThrow()
  })
  const deleting = await store.db
    .selectFrom('operations')
    .select('id')
    .where('clientId', '=', clientId)
    .where('kind', 'in', deletingKinds)
    .where('state', 'in', ['waiting', 'running'])
    .execute()
  // One that has just ended needs no end. Those that run are stopped by their guard already at their next file.
  for (const { id } of deleting) await operations.cancel(id).catch(ignoreOver)
  return client
}

function ignoreOver(thrown: unknown): void {
  if (!hasCode(thrown, 'STATE_WRONG')) throw thrown
}
