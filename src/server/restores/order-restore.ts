import type { AskRestore, RestoreOrder } from '#protocol'
import type { Caller } from '../app/caller.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import type { Row } from '../store/tables.ts'
import { findReceived, repositoryOf } from './find-snapshot.ts'

/** A machine that can do what is ordered, of the client that may have it done. Throws `NOT_FOUND`, `STATE_WRONG`. */
export async function workingMachine({ store }: Services, id: string, clientId?: string): Promise<Row<'machines'>> {
  const machine = await store.db.selectFrom('machines').selectAll().where('id', '=', id).executeTakeFirst()
  // A machine of another client is as one that is not there.
  if (!machine || (clientId !== undefined && machine.clientId !== clientId)) {
    throw new ServerError('NOT_FOUND', { what: 'machine' })
  }
  if (machine.state !== 'approved') throw new ServerError('STATE_WRONG', { what: 'machine', state: machine.state })
  if (machine.publicKey === null) throw new ServerError('STATE_WRONG', { what: 'machine', state: 'without our agent' })
  return machine
}

/**
 * Orders a restore from a machine's agent: of its own snapshots, or of another machine's of the same client. What it writes
 * where is decided there. Throws `NOT_FOUND`, `STATE_WRONG`.
 */
export async function orderRestore(
  services: Services,
  machineId: string,
  { asked, caller }: { readonly asked: AskRestore; readonly caller: Caller },
): Promise<Row<'operations'>> {
  const { operations, audit, store } = services
  const { snapshot, from = machineId, paths, to, otherwise, withOwners } = asked
  const { clientId } = await workingMachine(services, machineId)
  const source = await repositoryOf(services, from)
  if (source.clientId !== clientId) throw new ServerError('NOT_FOUND', { what: 'machine' })
  const snapshotId = await findReceived(services, source.id, snapshot)
  const order: RestoreOrder = { snapshotId, repositoryId: source.id, paths, to, otherwise, withOwners }
  return await store.db.transaction().execute(async (transaction) => {
    const about = { clientId, machineId, kind: 'restore', order, requestedBy: caller.actor.who }
    const operation = await operations.create(about, transaction)
    const details = { operation: operation.id, machineId, from, ...order }
    await audit.write({ actor: caller.actor, what: 'machine.restore', clientId, details }, transaction)
    return operation
  })
}
