import { randomBytes } from 'node:crypto'
import type { Caller } from '../app/caller.ts'
import type { Services } from '../app/services.ts'
import type { NewOperation } from '../operations/operations.ts'
import { passwordOf } from '../repositories/own-repositories.ts'
import { findReceived, repositoryOf } from '../restores/find-snapshot.ts'
import { workingMachine } from '../restores/order-restore.ts'
import type { Row } from '../store/tables.ts'
import { proofOperation, snapshotBySeed } from './plan-proofs.ts'
import type { WantedProof } from './plan-proofs.ts'
import { loadSettings } from './settings.ts'

export interface AskedProof {
  readonly kind: WantedProof['kind']
  /** `server`, or the machine that is to do it. */
  readonly where: string
  /** An id, `latest`, or undefined for one at random. */
  readonly snapshot?: string | undefined
  readonly seed?: string | undefined
  readonly readEverything?: boolean
}

/**
 * Enters a proof of a machine's backups that a person wants now. Throws `NOT_FOUND`, `STATE_WRONG`, and
 * `REPOSITORY_PASSWORD_KEPT` for what the server cannot do without the password.
 */
export async function askProof(
  services: Services,
  machineId: string,
  { asked, caller }: { readonly asked: AskedProof; readonly caller: Caller },
): Promise<Row<'operations'>> {
  const { store, operations, audit, ledger } = services
  const { kind, where, snapshot, seed = randomBytes(12).toString('base64url'), readEverything = false } = asked
  const repository = await repositoryOf(services, machineId)
  const { clientId, id: repositoryId } = repository
  if (where === 'server') passwordOf(services, repository)
  else await workingMachine(services, where, clientId)
  const latest = await findReceived(services, repositoryId, snapshot ?? 'latest')
  const all = [...(await ledger.received(repositoryId)).keys()]
  const snapshotId = snapshot === undefined ? snapshotBySeed(all, seed) : latest
  const by = where === 'server' ? 'server' : 'machine'
  const settings = await loadSettings(services, clientId)
  const proof = proofOperation(
    { repositoryId, clientId, machineId },
    { kind, by, snapshotId, seed, settings, readEverything },
  )
  const operation: NewOperation = {
    ...proof,
    ...(by === 'machine' && { machineId: where }),
    requestedBy: caller.actor.who,
  }
  return await store.db.transaction().execute(async (transaction) => {
    const created = await operations.create(operation, transaction)
    const details = { operation: created.id, machineId, where, ...operation.order }
    await audit.write({ actor: caller.actor, what: `machine.${kind}`, clientId, details }, transaction)
    return created
  })
}
