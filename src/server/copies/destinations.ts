import { randomUUID } from 'node:crypto'
import { isAbsolute } from 'node:path'
import { displayLocation, parseLocation } from '#backend'
import { backupPolicySchema, copyPlaceSchema, deletableBySchema } from '#protocol'
import type { changedDestinationSchema, newDestinationSchema } from '#protocol'
import type { Transaction } from 'kysely'
import type { z } from 'zod'
import { AddressGuard } from '../alerts/channels/address-guard.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import type { Row, Tables } from '../store/tables.ts'
import { CopyError } from './errors.ts'
import { secretsOf } from './open-place.ts'
import type { PlaceCredentials } from './open-place.ts'

/** Destinations: where copies of a client's repositories lie, besides the server's own storage. */

type NewDestination = z.output<typeof newDestinationSchema>
type ChangedDestination = z.output<typeof changedDestinationSchema>

export interface Asker {
  /** May set up what reaches into the server itself and its network: an administrator of the server, not of one client only. */
  readonly isOfServer: boolean
}

const schemes = { folder: 'local', disks: 'local', rest: 'rest', sftp: 'sftp', s3: 's3' } as const

/** Throws `DESTINATION_INVALID`, `RIGHT_MISSING`, `NAME_TAKEN`, `ALERT_ADDRESS_REFUSED`. */
export async function createDestination(
  services: Services,
  clientId: string,
  wanted: NewDestination & Asker,
): Promise<Row<'destinations'>> {
  const { kind, location, credentials, password } = wanted
  refuseMistakes(wanted)
  await refuseReach(wanted, wanted)
  const { store, sealer, clock } = services
  const id = randomUUID()
  const row = await store.db
    .insertInto('destinations')
    .values({
      id,
      clientId,
      kind,
      sealedLocation: sealer.seal(`location of destination ${id}`, location),
      sealedCredentials: credentials === undefined ? null : sealCredentials(services, id, credentials),
      sealedPassword: password === undefined ? null : sealer.seal(`password of destination ${id}`, password),
      ...changeableColumns(wanted),
      objectLock: null,
      remindedAt: null,
      tamperTest: null,
      createdAt: clock.now(),
      isGuarded: wanted.isOfServer ? 0 : 1,
    })
    .onConflict((conflict) => conflict.columns(['clientId', 'name']).doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!row) throw new ServerError('NAME_TAKEN', { what: 'destination' })
  return row
}

/**
 * Changes everything but where it is: another place is another destination. What is not named stays. Throws `DESTINATION_INVALID`, `RIGHT_MISSING`,
 * `NAME_TAKEN`.
 */
export async function changeDestination(
  services: Services,
  id: string,
  { isOfServer, ...given }: ChangedDestination & Asker,
): Promise<Row<'destinations'>> {
  const before = await destinationOf(services, id)
  const { location } = secretsOf(services, before)
  const kind = before.kind as NewDestination['kind']
  const { name, lockDays, remindAfterDays } = before
  const wanted = { name, lockDays, remindAfterDays, ...placeOf(before), ...given }
  const { credentials } = wanted
  const known = before.sealedCredentials === null ? undefined : ('kept' as const)
  refuseMistakes({ ...wanted, kind, location, credentials: credentials ?? known })
  if (credentials !== undefined) await refuseReach({ kind, location }, { isOfServer })
  return await services.store.db.transaction().execute(async (transaction) => {
    const other = await transaction
      .selectFrom('destinations')
      .select('id')
      .where('clientId', '=', before.clientId)
      .where('name', '=', wanted.name)
      .where('id', '!=', id)
      .executeTakeFirst()
    if (other) throw new ServerError('NAME_TAKEN', { what: 'destination' })
    if (wanted.name !== before.name) await renameInPolicies(transaction, before, wanted.name)
    return await transaction
      .updateTable('destinations')
      .set({
        ...changeableColumns(wanted),
        ...(credentials && { sealedCredentials: sealCredentials(services, id, credentials) }),
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow()
  })
}

/** Backup policies that call it by its name go on meaning it: else its copies would end without a word. */
async function renameInPolicies(
  transaction: Transaction<Tables>,
  { clientId, name: before }: Row<'destinations'>,
  name: string,
): Promise<void> {
  const policies = transaction.selectFrom('policies').select(['id', 'document']).where('clientId', '=', clientId)
  for (const { id, document } of await policies.execute()) {
    if (!namedIn(document).includes(before)) continue
    const policy = backupPolicySchema.parse(JSON.parse(document))
    const copies = (policy.to.copies ?? []).map((copy) =>
      copy.repository === before ? { ...copy, repository: name } : copy,
    )
    const renamed = JSON.stringify({ ...policy, to: { ...policy.to, copies } })
    await transaction
      .updateTable('policies')
      .set((current) => ({ document: renamed, revision: current('revision', '+', 1) }))
      .where('id', '=', id)
      .execute()
  }
}

/**
 * Forgets a destination; what lies there stays. Its name is typed back, and no backup policy may name it any more. Throws
 * `INPUT_INVALID`, `STATE_WRONG`.
 */
export async function removeDestination(
  services: Services,
  id: string,
  typedName: string,
): Promise<Row<'destinations'>> {
  const destination = await destinationOf(services, id)
  if (typedName !== destination.name) {
    throw new ServerError('INPUT_INVALID', { part: 'body', reason: '"name": it is not the name of this destination' })
  }
  const { db } = services.store
  const policies = await db
    .selectFrom('policies')
    .select(['name', 'document'])
    .where('clientId', '=', destination.clientId)
    .execute()
  const user = policies.find(({ document }) => namedIn(document).some((name) => isMeant(destination, name)))
  if (user) {
    throw new ServerError('STATE_WRONG', { what: 'destination', state: `named by the backup policy "${user.name}"` })
  }
  await db.deleteFrom('destinations').where('id', '=', id).execute()
  return destination
}

/** Throws `NOT_FOUND`. */
export async function destinationOf({ store }: Services, id: string): Promise<Row<'destinations'>> {
  const row = await store.db.selectFrom('destinations').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw new ServerError('NOT_FOUND', { what: 'destination' })
  return row
}

/** Whether a backup policy that says `name` in `to.copies` means this destination: by its id, or by its name. */
export function isMeant({ id, name }: Pick<Row<'destinations'>, 'id' | 'name'>, said: string): boolean {
  return said === id || said === name
}

function namedIn(document: string): string[] {
  const { to } = JSON.parse(document) as { to?: { copies?: readonly { repository: string }[] } }
  return (to?.copies ?? []).map(({ repository }) => repository)
}

/** Where it is, without secrets. */
export function shownLocation(services: Services, destination: Row<'destinations'>): string {
  return displayLocation(secretsOf(services, destination).location)
}

export function placeOf({ place, deletableBy }: Row<'destinations'>) {
  return {
    place: copyPlaceSchema.parse(JSON.parse(place)),
    deletableBy: deletableBySchema.parse(JSON.parse(deletableBy)),
  }
}

function sealCredentials({ sealer }: Services, id: string, credentials: PlaceCredentials): string {
  return sealer.seal(`credentials of destination ${id}`, JSON.stringify(credentials))
}

type Changeable = Pick<NewDestination, 'name' | 'place' | 'deletableBy' | 'lockDays' | 'remindAfterDays'>

function changeableColumns({ name, place, deletableBy, lockDays, remindAfterDays }: Changeable) {
  const texts = { place: JSON.stringify(place), deletableBy: JSON.stringify(deletableBy) }
  return { name, ...texts, lockDays, remindAfterDays }
}

type Described = Pick<NewDestination, 'kind' | 'location' | 'lockDays' | 'remindAfterDays'> & {
  readonly credentials?: PlaceCredentials | 'kept' | undefined
}

function refuseMistakes({ kind, location, credentials, lockDays, remindAfterDays }: Described): void {
  const invalid = (reason: string) => new CopyError('DESTINATION_INVALID', { reason })
  const { scheme } = parseLocation(location)
  if (scheme !== schemes[kind]) throw invalid(`its location is not one of the kind "${kind}"`)
  const isOnDisk = kind === 'folder' || kind === 'disks'
  if (isOnDisk && !isAbsolute(location.replace(/^local:/, ''))) throw invalid('its folder is not an absolute path')
  if (isOnDisk && location.split(/[\\/]/).includes('..')) throw invalid('its folder goes back by ".."')
  if (kind === 'disks' && location.startsWith('local:'))
    throw invalid('the folder of its disks is written without local:')
  if (kind === 'disks' && location.split('/').some((part) => part.split('*').length > 2)) {
    throw invalid('a part of the path of its disks has more than one *')
  }
  if (kind === 's3' && credentials === undefined) throw invalid('it is in S3, and has no keys of its own')
  if (credentials !== undefined && credentials !== 'kept' && kindOf(credentials) !== kind) {
    throw invalid(`its credentials are not those of the kind "${kind}"`)
  }
  if (lockDays !== null && kind !== 's3') throw invalid('only S3 has object lock (lockDays)')
  if (remindAfterDays !== null && kind !== 'disks')
    throw invalid('only rotated disks are reminded of (remindAfterDays)')
}

function kindOf(credentials: PlaceCredentials): string {
  if ('user' in credentials) return 'rest'
  return 'accessKeyId' in credentials ? 's3' : 'sftp'
}

/**
 * Who may set up destinations for one client only must not reach the server's disks, its network, or what its own ssh keys
 * open: only services of the public Internet, with TLS.
 */
async function refuseReach(
  { kind, location }: Pick<NewDestination, 'kind' | 'location'>,
  { isOfServer }: Asker,
): Promise<void> {
  if (isOfServer) return
  const parsed = parseLocation(location)
  if (parsed.scheme !== 'rest' && parsed.scheme !== 's3')
    throw new ServerError('RIGHT_MISSING', { right: 'administer' })
  if (parsed.scheme === 'rest' && parsed.socketPath !== undefined) {
    throw new ServerError('RIGHT_MISSING', { right: 'administer' })
  }
  const url = parsed.scheme === 'rest' ? parsed.url : parsed.endpoint
  if (url.protocol !== 'https:')
    throw new CopyError('DESTINATION_INVALID', { reason: `its ${kind} location has no https` })
  await new AddressGuard().addressesOf(url.hostname)
}
