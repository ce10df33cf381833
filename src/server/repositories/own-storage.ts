import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyPluginAsync } from 'fastify'
import type { Services } from '../app/services.ts'
import { FolderLockOwners, FolderStorage, RepositoryEndpoint } from '../endpoint/index.ts'
import type { EndpointStorage, StoredFile } from '../endpoint/index.ts'
import { authenticateAtEndpoint } from './own-repositories.ts'

/** The server's own storage of repositories, and the door by which machines and stock restic come to it. */
export interface OwnRepositories extends AsyncDisposable {
  readonly storage: EndpointStorage
  readonly endpoint: FastifyPluginAsync
}

/** Opens the storage in a folder. A snapshot stands in the ledger before whoever sent it hears that it is stored. */
export async function openOwnRepositories(services: Services, folder: string): Promise<OwnRepositories> {
  const root = join(folder, 'repositories')
  await mkdir(root, { recursive: true, mode: 0o700 })
  const storage = await FolderStorage.open(root, { clock: services.clock })
  const lockOwners = await FolderLockOwners.open(join(folder, 'locks'))
  const endpoint = new RepositoryEndpoint({
    storage,
    lockOwners,
    clock: services.clock,
    authenticate: async (user, password) => await authenticateAtEndpoint(services, user, password),
    onStored: async (file) => await recordSnapshot(services, file),
  })
  return {
    storage,
    endpoint: endpoint.plugin,
    [Symbol.asyncDispose]: async () => await storage[Symbol.asyncDispose](),
  }
}

async function recordSnapshot({ ledger }: Services, { repository, machine, type, name }: StoredFile): Promise<void> {
  if (type !== 'snapshot') return
  await ledger.write({ repositoryId: repository, what: 'received', snapshotId: name, machineId: machine })
}
