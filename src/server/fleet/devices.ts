import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { deviceAccessSchema, idSchema } from '#protocol'
import type { DeviceAccess, ReadDevice } from '#protocol'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import type { Row } from '../store/tables.ts'
import { policiesOf } from './policies.ts'

/** Machines that take no software: each is a machine in the list, read by the agent of another. */

export interface NewDevice {
  readonly name: string
  /** Id of the machine whose agent reads it. */
  readonly readBy: string
  readonly access: DeviceAccess
}

/** Throws `NOT_FOUND` when the client has no such machine, or that one takes no software either. */
export async function createDevice(
  services: Services,
  clientId: string,
  { name, readBy, access }: NewDevice,
): Promise<Row<'machines'>> {
  const { store, clock, sealer } = services
  return await store.db.transaction().execute(async (transaction) => {
    await requireReader(transaction, clientId, readBy)
    const id = randomUUID()
    const machine = await transaction
      .insertInto('machines')
      .values({
        id,
        clientId,
        name,
        kind: 'appliance',
        publicKey: null,
        state: 'approved',
        about: '{}',
        createdAt: clock.now(),
        lastSeenAt: null,
        awayUntil: null,
        clockAheadMs: null,
        discovery: null,
      })
      .returningAll()
      .executeTakeFirstOrThrow()
    const sealedAccess = sealer.seal(purposeOf(id), JSON.stringify(access))
    await transaction
      .insertInto('devices')
      .values({ machineId: id, readerId: readBy, sealedAccess, revision: 1 })
      .execute()
    return machine
  })
}

/** Throws `NOT_FOUND`. */
export async function changeDevice(
  { store, sealer }: Services,
  machineId: string,
  { readBy, access }: Omit<NewDevice, 'name'>,
): Promise<void> {
  await store.db.transaction().execute(async (transaction) => {
    const { clientId } = await transaction
      .selectFrom('machines')
      .select('clientId')
      .where('id', '=', machineId)
      .executeTakeFirstOrThrow()
    await requireReader(transaction, clientId, readBy)
    const sealedAccess = sealer.seal(purposeOf(machineId), JSON.stringify(access))
    const changed = await transaction
      .updateTable('devices')
      .set((row) => ({ readerId: readBy, sealedAccess, revision: row('revision', '+', 1) }))
      .where('machineId', '=', machineId)
      .executeTakeFirst()
    if (changed.numUpdatedRows === 0n) throw new ServerError('NOT_FOUND', { what: 'device' })
  })
}

/** What may be shown of a device: how it is reached, without any secret. Throws `NOT_FOUND`. */
export async function showDevice({ store, sealer }: Services, machineId: string) {
  const row = await store.db.selectFrom('devices').selectAll().where('machineId', '=', machineId).executeTakeFirst()
  if (!row) throw new ServerError('NOT_FOUND', { what: 'device' })
  const { kind, host, port = null, user } = accessOf({ sealer }, row)
  return { machineId, readBy: row.readerId, kind, host, port, user }
}

/** The machine whose agent reads it; undefined: it is no device. */
export async function readerOf({ store }: Services, machineId: string): Promise<string | undefined> {
  const query = store.db.selectFrom('devices').select('readerId').where('machineId', '=', machineId)
  return (await query.executeTakeFirst())?.readerId
}

export interface KnownDevice {
  readonly name: string
  readonly revision: number
  readonly follows: Readonly<Record<string, number>>
}

/** The devices that a machine is to read, with their secrets; undefined when it knows just those. */
export async function devicesFor(
  services: Services,
  readerId: string,
  known: Readonly<Record<string, KnownDevice>>,
): Promise<ReadDevice[] | undefined> {
  const rows = await services.store.db
    .selectFrom('devices')
    .innerJoin('machines', 'machines.id', 'devices.machineId')
    .selectAll('devices')
    .select('machines.name')
    .where('devices.readerId', '=', readerId)
    .where('machines.state', '=', 'approved')
    .orderBy('machines.id')
    .execute()
  const devices = await Promise.all(
    rows.map(async (row) => {
      const policies = await policiesOf(services, row.machineId)
      const follows = Object.fromEntries(policies.map(({ id, revision }) => [id, revision]))
      return { row, policies, now: { name: row.name, revision: row.revision, follows } }
    }),
  )
  const now = Object.fromEntries(devices.map((device) => [device.row.machineId, device.now]))
  if (isDeepStrictEqual(now, { ...known })) return undefined
  return devices.map(({ row, policies }) => ({
    id: row.machineId,
    name: row.name,
    revision: row.revision,
    access: accessOf(services, row),
    policies: policies.map(({ id, revision, policy }) => ({
      id,
      revision,
      policy: policy as ReadDevice['policies'][number]['policy'],
    })),
  }))
}

const deviceOrderSchema = z.object({ deviceId: idSchema })

/**
 * A backup of a device has ended well: so it was there. `at`: when, in milliseconds since 1970. What is no backup of a device
 * that this machine reads says nothing of any.
 */
export async function noteDeviceRead(
  { store }: Services,
  { kind, state, machineId, order }: Pick<Row<'operations'>, 'kind' | 'state' | 'machineId' | 'order'>,
  at: number,
): Promise<void> {
  if (kind !== 'backup-device' || (state !== 'done' && state !== 'warnings')) return
  const { data } = deviceOrderSchema.safeParse(JSON.parse(order))
  if (!data || machineId === null) return
  const read = store.db
    .selectFrom('devices')
    .select('machineId')
    .where('machineId', '=', data.deviceId)
    .where('readerId', '=', machineId)
  await store.db
    .updateTable('machines')
    .set({ lastSeenAt: at })
    .where('id', 'in', read)
    .where((where) => where.or([where('lastSeenAt', 'is', null), where('lastSeenAt', '<', at)]))
    .execute()
}

async function requireReader(within: Services['store']['db'], clientId: string, readerId: string): Promise<void> {
  const reader = await within
    .selectFrom('machines')
    .select('id')
    .where('id', '=', readerId)
    .where('clientId', '=', clientId)
    .where('publicKey', 'is not', null)
    .executeTakeFirst()
  if (!reader) throw new ServerError('NOT_FOUND', { what: 'machine with an agent' })
}

function accessOf(
  { sealer }: Pick<Services, 'sealer'>,
  { machineId, sealedAccess }: Pick<Row<'devices'>, 'machineId' | 'sealedAccess'>,
): DeviceAccess {
  return deviceAccessSchema.parse(JSON.parse(sealer.open(purposeOf(machineId), sealedAccess)))
}

function purposeOf(machineId: string): string {
  return `access to ${machineId}`
}
