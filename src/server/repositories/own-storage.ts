import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { FastifyPluginAsync } from 'fastify'
import type { Transaction } from 'kysely'
import type { Clock } from '#base'
import { openBackend, parseLocation } from '#backend'
import type { Services } from '../app/services.ts'
import type { Store } from '../store/store.ts'
import { BackendStorage, FolderStorage, RepositoryEndpoint } from '../endpoint/index.ts'
import type { EndpointStorage, StoredFile } from '../endpoint/index.ts'
import type { Tables } from '../store/tables.ts'
import { authenticateAtEndpoint } from './own-repositories.ts'
import { StoreLockOwners } from './store-lock-owners.ts'
import { StoreTombstones } from './store-tombstones.ts'

/** The storage of the repositories that the server keeps. */
export interface OwnStorage extends EndpointStorage {
  /** Where the bytes of a repository lie, as `--repo` takes it; credentials come from the environment. */
  locationOf(repository: string): string
}

/**
 * Opens the storage of the repositories that the server keeps: in its folder, or, each below a location of its own, at a
 * location as `--repo` takes it (`s3:https://…/bucket/folder`), whose credentials come from the environment.
 */
export async function openOwnStorage(
  folder: string,
  { store, location, clock }: { readonly store: Store; readonly location?: string | undefined; readonly clock: Clock },
): Promise<OwnStorage> {
  if (location === undefined) {
    const root = ownStorageFolder(folder)
    await mkdir(root, { recursive: true, mode: 0o700 })
    return located(await FolderStorage.open(root, { clock }), (repository) => resolve(root, repository))
  }
  const own = storageFolderOf(folder, location)
  if (own !== undefined) await mkdir(own, { recursive: true, mode: 0o700 })
  const base = location.replace(/\/+$/, '')
  const locationOf = (repository: string) => `${base}/${repository}`
  const open = (repository: string) => openBackend(parseLocation(locationOf(repository), process.env))
  const openTombstones = async (repository: string) => await StoreTombstones.open(store.db, repository)
  const opened = await BackendStorage.open({ open, openTombstones, folder: join(folder, 'spool'), clock })
  return located(opened, locationOf)
}

function located(storage: EndpointStorage, locationOf: OwnStorage['locationOf']): OwnStorage {
  return Object.assign(storage, { locationOf })
}

/** The folder of this machine that they lie in: below the server's own, or where the location says; undefined: elsewhere. */
export function storageFolderOf(folder: string, location: string | undefined): string | undefined {
  if (location === undefined) return ownStorageFolder(folder)
  const parsed = parseLocation(location, process.env)
  return parsed.scheme === 'local' ? resolve(parsed.path) : undefined
}

/** Where repositories lie in the server's own folder, if nothing else is said. */
export function ownStorageFolder(folder: string): string {
  return join(folder, 'repositories')
}

/** The door by which machines and stock restic come. A snapshot stands in the ledger before its sender hears that it is stored. */
export function openEndpoint(services: Services): FastifyPluginAsync {
  const { store, storage, storageChanges, clock } = services
  const endpoint = new RepositoryEndpoint({
    storage,
    lockOwners: new StoreLockOwners(store.db, clock),
    clock,
    authenticate: async (user, password) => await authenticateAtEndpoint(services, user, password),
    ...services.metrics.endpointHooks,
    onStored: async (file) => {
      await recordSnapshot(services, file)
      services.metrics.noteStored(file.type)
    },
  })
  storageChanges.listen((repositoryId) => endpoint.recount(repositoryId))
  return endpoint.plugin
}

/** Has the ledger know of a file that was stored, if it is a snapshot. */
export async function recordSnapshot({ store, ledger }: Services, stored: StoredFile): Promise<void> {
  const { repository: repositoryId, machine: machineId, type, name: snapshotId } = stored
  if (type !== 'snapshot') return
  const about = { repositoryId, snapshotId, machineId }
  await store.db.transaction().execute(async (transaction) => {
    await ledger.write({ ...about, what: 'received' }, transaction)
    if (!(await isAttacked(transaction, repositoryId))) return
    const because = 'It was received while this client may have been under attack.'
    await ledger.write({ ...about, what: 'suspect', details: { because } }, transaction)
  })
}

async function isAttacked(db: Transaction<Tables>, repositoryId: string): Promise<boolean> {
  const client = await db
    .selectFrom('repositories')
    .innerJoin('clients', 'clients.id', 'repositories.clientId')
    .select('clients.state')
    .where('repositories.id', '=', repositoryId)
    .executeTakeFirst()
  return client?.state === 'attacked'
}
