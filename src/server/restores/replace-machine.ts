import type { Caller } from '../app/caller.ts'
import type { Services } from '../app/services.ts'
import { createEnrolmentLine, enrolmentLineOf } from '../fleet/machines.ts'
import { passwordOf } from '../repositories/own-repositories.ts'

/** How long the line holds by which a new machine takes the place of a lost one, in milliseconds. */
const lineLife = 3_600_000

/**
 * Makes way for a machine that takes the place of a lost one: from now on the key and the credentials of the lost one open
 * nothing, and what it was to do is not done. Its backups stay. Returns the line for the new one, which waits for approval.
 */
export async function replaceMachine(
  services: Services,
  id: string,
  caller: Caller,
): Promise<{ readonly line: string; readonly expiresAt: number }> {
  const { store, audit, clock, operations } = services
  const now = clock.now()
  const { clientId, kind } = await store.db.transaction().execute(async (transaction) => {
    const machine = await transaction
      .updateTable('machines')
      .set({ state: 'revoked' })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    await transaction
      .updateTable('repositoryCredentials')
      .set({ revokedAt: now })
      .where('machineId', '=', id)
      .where('revokedAt', 'is', null)
      .execute()
    // A line for its place that was made before is for nobody any more.
    await transaction.updateTable('enrolmentLines').set({ usesLeft: 0 }).where('replaces', '=', id).execute()
    const entry = { actor: caller.actor, what: 'machine.replace', clientId: machine.clientId, details: { id } }
    await audit.write(entry, transaction)
    return machine
  })
  const open = store.db.selectFrom('operations').select('id').where('machineId', '=', id)
  for (const operation of await open.where('state', 'in', ['waiting', 'running']).execute()) {
    await operations.cancel(operation.id).catch(() => undefined) // it has ended meanwhile
  }
  const expiresAt = now + lineLife
  const about = { clientId, machineKind: kind, machines: 1, expiresAt, approves: false, replaces: id }
  return { line: enrolmentLineOf(services, await createEnrolmentLine(services, about)), expiresAt }
}

/** What a machine that takes the place of another needs to go on, until it has shown that it has it. */
export async function handOver(
  services: Services,
  machineId: string,
): Promise<{ readonly hasRepository: boolean; readonly password: string | null }> {
  const { db } = services.store
  const machine = await db.selectFrom('machines').select('handover').where('id', '=', machineId).executeTakeFirst()
  const query = db.selectFrom('repositories').selectAll().where('machineId', '=', machineId)
  const repository = await query.executeTakeFirst()
  if (!repository) return { hasRepository: false, password: null }
  const isDue = machine?.handover === 1 && repository.sealedPassword !== null
  return { hasRepository: true, password: isDue ? passwordOf(services, repository) : null }
}
