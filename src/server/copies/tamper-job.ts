import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { openBackend, parseLocation, tamperWith } from '#backend'
import type { OpenBackendOptions, Tampered } from '#backend'
import { idSchema } from '#protocol'
import type { Outcome, TamperAttempt } from '#protocol'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { hashOf } from '../people/tokens.ts'
import type { Row } from '../store/tables.ts'
import { formatMoment } from '../time.ts'
import { serverJob } from '../work/job.ts'
import type { ServerJobWork } from '../work/job.ts'
import { receivedAfter } from './copies.ts'
import { destinationOf, placeOf } from './destinations.ts'
import { foldersOf } from './disks.ts'
import { CopyError } from './errors.ts'
import { lockOptions } from './object-locks.ts'
import { reachDestination } from './open-place.ts'

/**
 * The tamper test: tries to destroy a file that it has written for this, with what an attacker would have. On a machine that is
 * the credential of its repository at this server; who has taken the server has what it writes to a destination with. What was
 * not refused is no failure of the test: it is what the verdict must know.
 */
export const tamperJob = serverJob({
  kind: 'tamper-test',
  lane: 'copies',
  order: z.union([z.object({ destinationId: idSchema }), z.object({ repositoryId: idSchema })]),
  run: async (order, work) =>
    'destinationId' in order
      ? await testDestination(order.destinationId, work)
      : await testRepository(order.repositoryId, work),
})

async function testDestination(id: string, { services, signal }: ServerJobWork): Promise<Outcome> {
  const destination = await destinationOf(services, id)
  const attempts: TamperAttempt[] = []
  const s3 = await lockOptions(services, destination, { signal })
  for (const folder of await foldersToTest(services, destination)) {
    await using reached = await reachDestination(services, destination, { below: id, folder, s3 })
    const tampered = await tamper(reached.location, { open: reached.options, signal })
    attempts.push(...tampered.map((each) => ({ credential: 'writer' as const, ...each })))
  }
  const tamperTest = JSON.stringify({ at: formatMoment(services.clock.now()), attempts })
  await services.store.db.updateTable('destinations').set({ tamperTest }).where('id', '=', id).execute()
  const { clientId, name } = destination
  await keepEvidence(services, { clientId, repositoryId: null, machineId: null }, { destinationId: id, name, attempts })
  const isSaidToHold = !placeOf(destination).deletableBy.writer
  if (!isSaidToHold || attempts.every(({ refused }) => refused)) return { state: 'done', result: { attempts } }
  const reason = `"${name}" is said to keep what was written there, but it could be destroyed with the server’s credentials.`
  return { state: 'warnings', reason, code: 'TAMPERING_NOT_REFUSED', result: { attempts } }
}

async function foldersToTest(services: Services, destination: Row<'destinations'>): Promise<(string | undefined)[]> {
  if (destination.kind !== 'disks') return [undefined]
  const folders = [...(await foldersOf(services, destination)).found.values()]
  if (folders.length > 0) return folders
  throw new CopyError('DESTINATION_AWAY', { name: destination.name, reason: 'none of its disks is plugged in' })
}

async function testRepository(id: string, { services, signal }: ServerJobWork): Promise<Outcome> {
  const { store, storage, clock, origin, folder, fingerprint } = services
  const { db } = store
  const repository = await db.selectFrom('repositories').selectAll().where('id', '=', id).executeTakeFirst()
  if (!repository?.machineId) throw new ServerError('NOT_FOUND', { what: 'repository' })
  const { machineId, clientId, name } = repository
  // Like the one that lies on the machine, whose secret only the machine has.
  const [user, secret] = [randomUUID(), randomBytes(32).toString('base64url')]
  const row = { id: user, repositoryId: id, machineId, hash: hashOf(secret), createdAt: clock.now(), revokedAt: null }
  await db.insertInto('repositoryCredentials').values(row).execute()
  let attempts: TamperAttempt[]
  try {
    const location = parseLocation(`rest:${origin}/repo/${id}/`, {
      RESTIC_REST_USERNAME: user,
      RESTIC_REST_PASSWORD: secret,
    })
    const tls = fingerprint === undefined ? {} : { cacerts: [join(folder, 'tls', 'server.crt')] }
    const clean = async (file: Sacrifice['file']) => await (await storage.backend(id)).delete(file)
    const tampered = await tamper(location, { open: { env: {}, tls, retryLimit: 20_000 }, signal, clean })
    attempts = tampered.map((each) => ({ credential: 'machine' as const, ...each }))
  } finally {
    await db.deleteFrom('repositoryCredentials').where('id', '=', user).execute()
  }
  await keepEvidence(services, { clientId, machineId, repositoryId: id }, { destinationId: null, name, attempts })
  if (attempts.every(({ refused }) => refused)) return { state: 'done', result: { attempts } }
  const reason = `With the credential of its machine, backups of "${name}" could be destroyed.`
  return { state: 'failed', reason, code: 'TAMPERING_NOT_REFUSED', result: { attempts } }
}

interface Sacrifice {
  readonly file: { readonly type: 'pack'; readonly name: string }
}

interface TamperWork {
  readonly open: OpenBackendOptions
  readonly signal: AbortSignal
  /** Takes away what is left of the test. */
  readonly clean?: (file: Sacrifice['file']) => Promise<void>
}

async function tamper(
  location: Parameters<typeof tamperWith>[0],
  { open, signal, clean }: TamperWork,
): Promise<Tampered[]> {
  const bytes = randomBytes(1_000)
  const file = { type: 'pack', name: createHash('sha256').update(bytes).digest('hex') } as const
  {
    await using backend = openBackend(location, open)
    if (!clean) await backend.create({ signal }) // a folder for the test alone
    await backend.write(file, bytes, { signal })
  }
  try {
    return await tamperWith(location, { file, bytes }, { open, signal })
  } finally {
    await clean?.(file)
  }
}

/** So long one tamper test counts, in milliseconds; tests are made more often. */
const holds = 35 * 86_400_000

interface About {
  readonly clientId: string
  readonly machineId: string | null
  readonly repositoryId: string | null
}

async function keepEvidence({ store, clock }: Services, about: About, measured: object): Promise<void> {
  const now = clock.now()
  const row = { kind: 'tamper-test', measuredBy: 'server', measuredAt: now, holdsUntil: now + holds }
  await store.db
    .insertInto('evidence')
    .values({ id: randomUUID(), ...about, ...row, measured: JSON.stringify(measured) })
    .execute()
}

const week = 7 * 86_400_000

/** The round: once a week each destination, and the repository of each approved machine. */
export async function orderTamperTests(services: Services): Promise<void> {
  const { store, operations, clock } = services
  const number = Math.floor(clock.now() / week)
  const common = { machineId: null, kind: 'tamper-test', requestedBy: 'schedule' }
  for (const { id, clientId } of await store.db.selectFrom('destinations').select(['id', 'clientId']).execute()) {
    await operations.create({
      ...common,
      clientId,
      order: { destinationId: id },
      onceKey: `tamper-test ${id} ${number}`,
    })
  }
  const repositories = await store.db
    .selectFrom('repositories')
    .innerJoin('machines', 'machines.id', 'repositories.machineId')
    .select(['repositories.id', 'repositories.clientId'])
    .where('machines.state', '=', 'approved')
    .execute()
  for (const { id, clientId } of repositories) {
    if (!(await receivedAfter(services, id, 0))) continue // nothing lies there yet
    await operations.create({
      ...common,
      clientId,
      order: { repositoryId: id },
      onceKey: `tamper-test ${id} ${number}`,
    })
  }
}
