import type { Transaction } from 'kysely'
import type { Operations } from '../operations/operations.ts'
import type { Tables } from '../store/tables.ts'

export const takeInKind = 'take-in'

export interface TakeIns {
  readonly because: string
  /** Of the server that begins: in each, a ledger learns once. */
  readonly epoch: number
  readonly transaction: Transaction<Tables>
}

/** Has the ledger of each repository learn what lies in its storage. */
export async function orderTakeIns(operations: Operations, { because, epoch, transaction }: TakeIns): Promise<void> {
  const repositories = await transaction.selectFrom('repositories').select(['id', 'clientId']).execute()
  for (const { id, clientId } of repositories) {
    const order = { repository: id, because }
    const onceKey = `${takeInKind} ${epoch} ${id}`
    const about = { clientId, machineId: null, kind: takeInKind, requestedBy: 'server' }
    await operations.create({ ...about, order, onceKey }, transaction)
  }
}
