import { randomUUID } from 'node:crypto'
import { messageOf } from '#base'
import { listFolders, parseLocation } from '#backend'
import { idSchema } from '#protocol'
import { loadSnapshots, openRepository } from '#repository'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { OwnBackupError } from '../own-backup/errors.ts'
import { ownRepositoryName } from '../own-backup/own-repository.ts'
import { ownLocation, purposeOfPassword } from '../repositories/own-repositories.ts'
import type { Row } from '../store/tables.ts'
import { takeIn } from './take-in.ts'

/**
 * What a server without its control data learns from the repositories alone: which there are, and the names of their snapshots.
 * What is in them, and of which machine they are, is sealed with passwords that it does not have: those are typed, from the
 * recovery kits, and with each the server learns more.
 */

const learnedClient = 'Learned from repositories'

export interface Learned {
  readonly repositories: readonly { readonly id: string; readonly snapshots: number }[]
  /** What could not be learned, a sentence each. */
  readonly problems: readonly string[]
}

/** Throws `REBUILD_CANNOT_LIST`, `REBUILD_NOTHING_THERE`. */
export async function learn(services: Services, location: string): Promise<Learned> {
  const parsed = parseLocation(location, process.env)
  const names = await listFolders(parsed)
  if (names === undefined) throw new OwnBackupError('REBUILD_CANNOT_LIST', { location: parsed.display })
  const ids = names.filter((name) => idSchema.safeParse(name).success)
  const [repositories, problems]: [{ id: string; snapshots: number }[], string[]] = [[], []]
  if (ids.length === 0) throw new OwnBackupError('REBUILD_NOTHING_THERE', { location: parsed.display })
  const clientId = await makeClient(services)
  for (const id of ids) {
    try {
      if ((await services.storage.size(id, { type: 'config', name: '' })) === undefined) {
        problems.push(`${id} is no whole repository: it has no config.`)
        continue
      }
      const repository = await enter(services, id, clientId)
      const { learned } = await takeIn(services, repository, {
        because: 'the server was rebuilt without its own backup',
      })
      repositories.push({ id, snapshots: learned.length })
    } catch (thrown) {
      problems.push(`${id}: ${messageOf(thrown)}`)
    }
  }
  const strange = names.filter((name) => !ids.includes(name) && name !== ownRepositoryName && !name.startsWith('.'))
  for (const name of strange) problems.push(`${name} has not the name of a repository of a server.`)
  return { repositories, problems }
}

async function makeClient({ store, clock }: Services): Promise<string> {
  const now = clock.now()
  const client = { id: randomUUID(), name: learnedClient, state: 'normal', stateSince: now, createdAt: now }
  await store.db.insertInto('clients').values(client).execute()
  return client.id
}

/** A repository and a machine of which nothing is known but that they were there. */
async function enter({ store, sealer, clock }: Services, id: string, clientId: string): Promise<Row<'repositories'>> {
  const now = clock.now()
  const machineId = randomUUID()
  const name = `machine of ${id.slice(0, 8)}`
  const nothing = { publicKey: null, lastSeenAt: null, awayUntil: null, clockAheadMs: null, discovery: null }
  return await store.db.transaction().execute(async (transaction) => {
    await transaction
      .insertInto('machines')
      .values({
        id: machineId,
        clientId,
        name,
        kind: 'server',
        state: 'waiting',
        about: '{}',
        createdAt: now,
        ...nothing,
      })
      .execute()
    return await transaction
      .insertInto('repositories')
      .values({
        id,
        clientId,
        machineId,
        name,
        sealedLocation: sealer.seal(`location of ${id}`, ownLocation),
        sealedPassword: null,
        configId: null,
        quotaBytes: null,
        createdAt: now,
        held: 1,
        heldBecause: 'the server was rebuilt without its own backup',
      })
      .returningAll()
      .executeTakeFirstOrThrow()
  })
}

export interface TypedPassword {
  readonly password: string
  readonly signal: AbortSignal
}

export interface Opened {
  readonly clientId: string
  /** Host names of its snapshots, the newest first. */
  readonly hostnames: readonly string[]
  readonly snapshots: number
}

/**
 * Gives the server the password of a repository that it keeps: from then on it can check, search and copy it. A machine that was
 * only learned of gets the name of the newest snapshot's. Throws `STATE_WRONG`, `PASSWORD_WRONG`.
 */
export async function giveRepositoryPassword(
  services: Services,
  id: string,
  { password, signal }: TypedPassword,
): Promise<Opened> {
  const { store, sealer, storage } = services
  const row = await store.db.selectFrom('repositories').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  if (row.sealedPassword !== null) {
    throw new ServerError('STATE_WRONG', { what: 'repository', state: 'one whose password the server has' })
  }
  using repository = await openRepository(await storage.backend(id), { password, signal })
  const snapshots = (await loadSnapshots(repository, { signal, onDamaged: () => undefined })).reverse()
  const hostnames = [...new Set(snapshots.map(({ hostname }) => hostname))]
  await store.db.transaction().execute(async (transaction) => {
    const change = { sealedPassword: sealer.seal(purposeOfPassword(id), password), configId: repository.config.id }
    await transaction.updateTable('repositories').set(change).where('id', '=', id).execute()
    const [name] = hostnames
    if (row.machineId === null || name === undefined) return
    const learned = await transaction
      .updateTable('machines')
      .set({ name })
      .where('id', '=', row.machineId)
      .where('state', '=', 'waiting')
      .where('publicKey', 'is', null)
      .returning('id')
      .executeTakeFirst()
    if (learned) await transaction.updateTable('repositories').set({ name }).where('id', '=', id).execute()
  })
  return { clientId: row.clientId, hostnames, snapshots: snapshots.length }
}
