import { randomUUID } from 'node:crypto'
import { backupPolicySchema } from '#protocol'
import { mistakesOf, refuseMistakes } from '#policy'
import type { BackupPolicy, Mistake } from '#policy'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import type { Row } from '../store/tables.ts'
import { notForDevices } from './device-policy.ts'

/** Backup policies of a client, and which machines follow them. */

export interface StoredPolicy {
  readonly id: string
  readonly clientId: string
  /** Grows with each change. */
  readonly revision: number
  readonly policy: BackupPolicy
  readonly machines: readonly string[]
}

/** Stands for the machine's own repository on this server, in `to.repository`. */
export const ownRepository = 'own'

/** Throws `BACKUP_POLICY_INVALID`, `NAME_TAKEN`. */
export async function createPolicy(
  { store, clock }: Services,
  clientId: string,
  policy: BackupPolicy,
  within: Services['store']['db'] = store.db,
): Promise<StoredPolicy> {
  refuseMistakes(policy.name, [...mistakesOf(policy, clock.now()), ...notFollowedYet(policy)])
  const row = await within
    .insertInto('policies')
    .values({
      id: randomUUID(),
      clientId,
      name: policy.name,
      document: JSON.stringify(policy),
      revision: 1,
      createdAt: clock.now(),
    })
    .onConflict((conflict) => conflict.columns(['clientId', 'name']).doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!row) throw new ServerError('NAME_TAKEN', { what: 'backup policy' })
  return fromRow(row, [])
}

/** Throws `BACKUP_POLICY_INVALID`, `NAME_TAKEN`. */
export async function changePolicy(services: Services, id: string, policy: BackupPolicy): Promise<StoredPolicy> {
  const { store, clock } = services
  refuseMistakes(policy.name, [...mistakesOf(policy, clock.now()), ...notFollowedYet(policy)])
  return await store.db.transaction().execute(async (transaction) => {
    const { clientId } = await transaction
      .selectFrom('policies')
      .select('clientId')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    const other = await transaction
      .selectFrom('policies')
      .select('id')
      .where('clientId', '=', clientId)
      .where('name', '=', policy.name)
      .where('id', '!=', id)
      .executeTakeFirst()
    if (other) throw new ServerError('NAME_TAKEN', { what: 'backup policy' })
    const row = await transaction
      .updateTable('policies')
      .set((current) => ({
        name: policy.name,
        document: JSON.stringify(policy),
        revision: current('revision', '+', 1),
      }))
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
    const machines = await transaction
      .selectFrom('machinePolicies')
      .select('machineId')
      .where('policyId', '=', id)
      .execute()
    const followers = machines.map(({ machineId }) => machineId)
    if (await hasDevice(transaction, followers)) refuseForDevices(policy)
    return fromRow(row, followers)
  })
}

export async function listPolicies({ store }: Services, clientId: string): Promise<StoredPolicy[]> {
  const rows = await store.db
    .selectFrom('policies')
    .selectAll()
    .where('clientId', '=', clientId)
    .orderBy('name')
    .execute()
  const assigned = await store.db
    .selectFrom('machinePolicies')
    .innerJoin('policies', 'policies.id', 'machinePolicies.policyId')
    .select(['machinePolicies.machineId', 'machinePolicies.policyId'])
    .where('policies.clientId', '=', clientId)
    .execute()
  return rows.map((row) =>
    fromRow(
      row,
      assigned.filter(({ policyId }) => policyId === row.id).map(({ machineId }) => machineId),
    ),
  )
}

/** The policies that a machine follows. */
export async function policiesOf({ store }: Services, machineId: string): Promise<StoredPolicy[]> {
  const rows = await store.db
    .selectFrom('policies')
    .innerJoin('machinePolicies', 'machinePolicies.policyId', 'policies.id')
    .selectAll('policies')
    .where('machinePolicies.machineId', '=', machineId)
    .orderBy('policies.name')
    .execute()
  return rows.map((row) => fromRow(row, [machineId]))
}

/** Sets which policies a machine follows, all of its own client. Throws `NOT_FOUND`, `BACKUP_POLICY_INVALID`. */
export async function assignPolicies(
  { store }: Services,
  machineId: string,
  policyIds: readonly string[],
): Promise<void> {
  await store.db.transaction().execute(async (transaction) => {
    const known = await transaction
      .selectFrom('policies')
      .innerJoin('machines', 'machines.clientId', 'policies.clientId')
      .select(['policies.id', 'policies.document'])
      .where('machines.id', '=', machineId)
      .where('policies.id', 'in', policyIds.length > 0 ? [...policyIds] : [''])
      .execute()
    if (known.length !== new Set(policyIds).size) throw new ServerError('NOT_FOUND', { what: 'backup policy' })
    await transaction.deleteFrom('machinePolicies').where('machineId', '=', machineId).execute()
    if (await hasDevice(transaction, [machineId])) {
      for (const { document } of known) refuseForDevices(backupPolicySchema.parse(JSON.parse(document)))
    }
    const rows = known.map(({ id: policyId }) => ({ machineId, policyId }))
    if (rows.length > 0) await transaction.insertInto('machinePolicies').values(rows).execute()
  })
}

async function hasDevice(within: Services['store']['db'], machineIds: readonly string[]): Promise<boolean> {
  const device = await within
    .selectFrom('devices')
    .select('machineId')
    .where('machineId', 'in', machineIds.length > 0 ? [...machineIds] : [''])
    .executeTakeFirst()
  return device !== undefined
}

function refuseForDevices(policy: BackupPolicy): void {
  refuseMistakes(policy.name, notForDevices(policy))
}

/** What agents do not do yet: a policy must not be shown as followed when a part of it is left out without a word. */
function notFollowedYet({ to }: BackupPolicy): Mistake[] {
  const parts: readonly (readonly [string, boolean])[] = [
    ['to.repository', to.repository !== ownRepository],
    ['to.copies', (to.copies ?? []).length > 0],
  ]
  const sentence = 'Agents cannot do this yet; leave it out.'
  return parts.filter(([, isAsked]) => isAsked).map(([at]) => ({ at, sentence }))
}

function fromRow({ id, clientId, revision, document }: Row<'policies'>, machines: readonly string[]): StoredPolicy {
  return { id, clientId, revision, policy: backupPolicySchema.parse(JSON.parse(document)), machines }
}
