import { randomUUID } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import { printable } from '#base'
import type { Clock } from '#base'
import { backupPolicySchema } from '#protocol'
import { refuseMistakes } from '#policy'
import type { BackupPolicy } from '#policy'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { noteEvents } from '../events/note-events.ts'
import type { Change } from '../events/note-events.ts'
import type { Row, Tables } from '../store/tables.ts'
import { notForDevices } from './device-policy.ts'
import { refuseMistaken } from './refuse-policy.ts'

/** Backup policies of a client, and which machines follow them. */

export interface StoredPolicy {
  readonly id: string
  readonly clientId: string
  /** Grows with each change. */
  readonly revision: number
  readonly policy: BackupPolicy
  readonly machines: readonly string[]
}

/** Throws `BACKUP_POLICY_INVALID`, `NAME_TAKEN`. */
export async function createPolicy(
  { store, clock }: Services,
  clientId: string,
  policy: BackupPolicy,
  within: Services['store']['db'] = store.db,
): Promise<StoredPolicy> {
  await refuseMistaken(within, { clientId, policy, now: clock.now() })
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
  await noteEvents(within, [changeOf(row)], clock)
  return fromRow(row, [])
}

/** Throws `BACKUP_POLICY_INVALID`, `NAME_TAKEN`. */
export async function changePolicy(services: Services, id: string, policy: BackupPolicy): Promise<StoredPolicy> {
  const { store, clock } = services
  return await store.db
    .transaction()
    .execute(async (transaction) => await changePolicyIn(transaction, { id, policy, clock }))
}

/** The same within a transaction; and as late as an approval allows, so what the schedule needs is asked again. */
export async function changePolicyIn(
  transaction: Transaction<Tables>,
  { id, policy, clock }: { readonly id: string; readonly policy: BackupPolicy; readonly clock: Clock },
): Promise<StoredPolicy> {
  const { clientId } = await transaction
    .selectFrom('policies')
    .select('clientId')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  await refuseMistaken(transaction, { clientId, policy, now: clock.now() })
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
      changedAt: clock.now(),
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
  await refuseOtherKinds(transaction, followers, [policy])
  await noteEvents(transaction, [changeOf(row)], clock)
  return fromRow(row, followers)
}

/** Deletes a policy that no machine follows. Throws `STATE_WRONG`, `NOT_FOUND`. */
export async function deletePolicyIn(
  transaction: Transaction<Tables>,
  id: string,
  clock: Clock,
): Promise<Row<'policies'>> {
  await refuseFollowed(transaction, id)
  const gone = await transaction.deleteFrom('policies').where('id', '=', id).returningAll().executeTakeFirst()
  if (!gone) throw new ServerError('NOT_FOUND', { what: 'backup policy' })
  await noteEvents(transaction, [changeOf(gone)], clock)
  return gone
}

/** Throws `STATE_WRONG`. */
export async function refuseFollowed(db: Kysely<Tables>, id: string): Promise<void> {
  const follower = await db
    .selectFrom('machinePolicies')
    .select('machineId')
    .where('policyId', '=', id)
    .executeTakeFirst()
  if (follower) throw new ServerError('STATE_WRONG', { what: 'backup policy', state: 'followed by machines' })
}

/** Throws `NOT_FOUND`. */
export async function loadPolicy({ store }: Services, id: string): Promise<StoredPolicy> {
  const row = await store.db.selectFrom('policies').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw new ServerError('NOT_FOUND', { what: 'backup policy' })
  const followed = store.db.selectFrom('machinePolicies').select('machineId').where('policyId', '=', id)
  const machines = await followed.execute()
  return fromRow(
    row,
    machines.map(({ machineId }) => machineId),
  )
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

/** Whoever names a policy for a machine means one that it follows. */
export function notFollowed(): ServerError {
  return new ServerError('STATE_WRONG', { what: 'backup policy', state: 'not one that this machine follows' })
}

/** Sets which policies a machine follows, all of its own client. Throws `NOT_FOUND`, `BACKUP_POLICY_INVALID`. */
export async function assignPolicies(
  { store, clock }: Services,
  machineId: string,
  policyIds: readonly string[],
): Promise<void> {
  await store.db.transaction().execute(async (transaction) => {
    await assignPoliciesIn(transaction, { machineId, policyIds, clock })
  })
}

export interface Assignment {
  readonly machineId: string
  readonly policyIds: readonly string[]
}

/** The same within a transaction. */
export async function assignPoliciesIn(
  transaction: Transaction<Tables>,
  { machineId, policyIds, clock }: Assignment & { readonly clock: Clock },
): Promise<void> {
  const known = await transaction
    .selectFrom('policies')
    .innerJoin('machines', 'machines.clientId', 'policies.clientId')
    .select(['policies.id', 'policies.document'])
    .where('machines.id', '=', machineId)
    .where('policies.id', 'in', policyIds.length > 0 ? [...policyIds] : [''])
    .execute()
  if (known.length !== new Set(policyIds).size) throw new ServerError('NOT_FOUND', { what: 'backup policy' })
  const policies = known.map(({ document }): BackupPolicy => backupPolicySchema.parse(JSON.parse(document)))
  if (await hasDevice(transaction, [machineId])) for (const policy of policies) refuseForDevices(policy)
  await refuseOtherKinds(transaction, [machineId], policies)
  await transaction
    .deleteFrom('machinePolicies')
    .where('machineId', '=', machineId)
    .where('policyId', 'not in', policyIds.length > 0 ? [...policyIds] : [''])
    .execute()
  await tellOfMachine(transaction, machineId, clock)
  const rows = known.map(({ id: policyId }) => ({ machineId, policyId, since: clock.now() }))
  if (rows.length === 0) return
  // What it follows already it has followed for longer.
  await transaction
    .insertInto('machinePolicies')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['machineId', 'policyId']).doNothing())
    .execute()
}

/** Which policies a machine follows is told as a change of the machine. */
async function tellOfMachine(db: Kysely<Tables>, id: string, clock: Clock): Promise<void> {
  const machine = await db.selectFrom('machines').select('clientId').where('id', '=', id).executeTakeFirstOrThrow()
  await noteEvents(db, [{ kind: 'machine', subject: id, clientId: machine.clientId }], clock)
}

async function hasDevice(db: Kysely<Tables>, machineIds: readonly string[]): Promise<boolean> {
  const device = await db
    .selectFrom('devices')
    .select('machineId')
    .where('machineId', 'in', machineIds.length > 0 ? [...machineIds] : [''])
    .executeTakeFirst()
  return device !== undefined
}

/** A policy that says for which kinds of machine it is meant is followed by no other. Throws `BACKUP_POLICY_INVALID`. */
async function refuseOtherKinds(
  db: Kysely<Tables>,
  machineIds: readonly string[],
  policies: readonly BackupPolicy[],
): Promise<void> {
  const machines = await db
    .selectFrom('machines')
    .select(['name', 'kind'])
    .where('id', 'in', machineIds.length > 0 ? [...machineIds] : [''])
    .execute()
  for (const { name, machines: kinds } of policies) {
    const other = kinds && machines.find(({ kind }) => !(kinds as readonly string[]).includes(kind))
    if (!other) continue
    const sentence = `It is meant for machines of the kind ${kinds.join(', ')}, and "${printable(other.name)}" is one of the kind ${other.kind}.`
    refuseMistakes(name, [{ at: 'machines', sentence }])
  }
}

function refuseForDevices(policy: BackupPolicy): void {
  refuseMistakes(policy.name, notForDevices(policy))
}

function changeOf({ id, clientId }: Row<'policies'>): Change {
  return { kind: 'policy', subject: id, clientId }
}

function fromRow({ id, clientId, revision, document }: Row<'policies'>, machines: readonly string[]): StoredPolicy {
  return { id, clientId, revision, policy: backupPolicySchema.parse(JSON.parse(document)), machines }
}
