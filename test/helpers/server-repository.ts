import { randomUUID } from 'node:crypto'
import { initRepository, openRepository } from '#repository'
import type { Services } from '../../src/server/app/services.ts'
import { grantRepository } from '../../src/server/repositories/own-repositories.ts'
import { saveFiles } from '../../src/server/own-backup/snapshot-files.ts'

/** A client with a machine and its repository in the server's storage, for tests without an agent. */
export interface ServerRepository {
  readonly clientId: string
  readonly machineId: string
  readonly repositoryId: string
  /** User and secret of the machine's at the repository endpoint. */
  readonly user: string
  readonly secret: string
  /** Makes a snapshot with one file, received as one of the machine's; returns its id. */
  backUp(text: string | Buffer): Promise<string>
}

export const repositoryPassword = 'made on the machine, once'

export async function serverRepository(
  services: Services,
  { name = 'till', client = randomUUID() }: { readonly name?: string; readonly client?: string } = {},
): Promise<ServerRepository> {
  const { store, clock, storage, ledger } = services
  const machineId = randomUUID()
  const now = clock.now()
  await store.db
    .insertInto('clients')
    .values({ id: client, name: `client of ${name}`, state: 'normal', stateSince: now, createdAt: now })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
  const nothingYet = { publicKey: null, lastSeenAt: null, awayUntil: null, clockAheadMs: null, discovery: null }
  const machine = {
    id: machineId,
    clientId: client,
    name,
    kind: 'server',
    state: 'approved',
    about: '{}',
    createdAt: now,
  }
  await store.db
    .insertInto('machines')
    .values({ ...machine, ...nothingYet })
    .execute()
  const { repositoryId, user, secret } = await grantRepository(services, machine, repositoryPassword)
  ;(await initRepository(await storage.backend(repositoryId), { password: repositoryPassword }))[Symbol.dispose]()
  return {
    clientId: client,
    machineId,
    repositoryId,
    user,
    secret,
    async backUp(text) {
      using repository = await openRepository(await storage.backend(repositoryId), { password: repositoryPassword })
      const files = [{ name: 'file', pieces: [Buffer.from(text)] }]
      const snapshotId = await saveFiles(repository, files, { clock, folder: 'data', tags: [], hostname: name })
      await ledger.write({ repositoryId, what: 'received', snapshotId, machineId })
      return snapshotId
    },
  }
}
