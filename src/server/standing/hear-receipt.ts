import type { Services } from '../app/services.ts'
import { serverActor } from '../rebuild/take-in.ts'
import { beginAnew } from './begin-anew.ts'
import { formatReceipt, parseReceipt } from './receipt.ts'
import type { Receipt } from './receipt.ts'
import { readStanding, writeStanding } from './standing.ts'
import type { Standing } from './standing.ts'

/**
 * Takes in what a machine keeps of its server. Where that is of a higher epoch, this server is an old one. Where it is of this
 * epoch and the ledger does not have what it had then, the control data was put back from an earlier day.
 * Returns how the server stands after that.
 */
export async function hearReceipt(services: Services, machineId: string, given: string | undefined): Promise<Standing> {
  const { store, sealer } = services
  const standing = await readStanding(store.db)
  const receipt = given === undefined ? undefined : parseReceipt(sealer, machineId, given)
  // Of a lower epoch it was given before this server began anew: what it says is known.
  if (!receipt || receipt.epoch < standing.epoch) return standing
  if (receipt.epoch > Math.max(standing.epoch, standing.superseded?.epoch ?? 0)) await stepBack(services, receipt)
  else if (standing.superseded === null && !(await isInLedger(services, receipt))) {
    await beginAnew(services, {
      standing,
      because:
        'the control data was put back from an earlier day: a machine knows of entries of the ledger that are not in it',
      actor: serverActor,
    })
  } else return standing
  return await readStanding(store.db)
}

/** What the machine keeps from now on. */
export async function receiptFor(
  { store, sealer, ledger }: Services,
  machineId: string,
  epoch: number,
): Promise<string> {
  const repository = await store.db
    .selectFrom('repositories')
    .select('id')
    .where('machineId', '=', machineId)
    .executeTakeFirst()
  const about = repository && { repositoryId: repository.id, ...(await ledger.head(repository.id)) }
  return formatReceipt(sealer, { machineId, epoch, ledger: about })
}

async function isInLedger({ store }: Services, { ledger }: Receipt): Promise<boolean> {
  if (!ledger || ledger.seq === 0) return true
  const { repositoryId, seq, hash } = ledger
  const repository = store.db.selectFrom('repositories').select('id').where('id', '=', repositoryId)
  // A repository may have been deleted, by a second person or a delay.
  if (!(await repository.executeTakeFirst())) return true
  const entry = await store.db
    .selectFrom('ledger')
    .select('hash')
    .where('repositoryId', '=', repositoryId)
    .where('seq', '=', seq)
    .executeTakeFirst()
  return entry?.hash === hash
}

async function stepBack(services: Services, { machineId, epoch }: Receipt): Promise<void> {
  const { store, audit, clock } = services
  await store.db.transaction().execute(async (transaction) => {
    const before = await readStanding(transaction)
    if (epoch <= Math.max(before.epoch, before.superseded?.epoch ?? 0)) return
    const machine = transaction.selectFrom('machines').select('name').where('id', '=', machineId)
    const name = (await machine.executeTakeFirst())?.name ?? machineId
    const because = `the machine "${name}" follows a later state of this server`
    const superseded = { epoch, since: before.superseded?.since ?? clock.now(), because }
    if (!(await writeStanding(transaction, before, { epoch: before.epoch, superseded }))) return
    const details = { epoch, own: before.epoch, machineId }
    await audit.write({ actor: serverActor, what: 'server.superseded', details }, transaction)
  })
}
