import { formatCount } from '#base'
import type { FileType } from '#backend'
import type { Outcome } from '#protocol'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { serverActor } from '../approvals/approvals.ts'
import { GuardedBackend } from '../repositories/guarded-backend.ts'
import { serverJob } from '../work/job.ts'
import type { ServerJobWork } from '../work/job.ts'
import { measureRepository, noteCare } from './care.ts'
import { guardOf, stoppedOutcome } from './deletion-guard.ts'
import { settleLedger } from './settle-ledger.ts'

/** Nothing that is left names what has gone. */
const order: readonly FileType[] = ['lock', 'snapshot', 'index', 'pack', 'key', 'config']

/** Sets all of a repository aside, when its machine was deleted. It can be put back until it is purged. */
export const deleteRepositoryJob = serverJob({
  kind: 'delete-repository',
  order: z.object({ repository: z.string(), approval: z.string() }),
  async run({ repository }, work) {
    try {
      return await setAllAside(repository, work)
    } catch (thrown) {
      const stopped = stoppedOutcome(thrown)
      if (!stopped) throw thrown
      return stopped
    }
  },
})

async function setAllAside(repositoryId: string, work: ServerJobWork): Promise<Outcome> {
  const { services, signal } = work
  const { store, storage, ledger, clock } = services
  const mayDelete = guardOf(work, repositoryId)
  await mayDelete()
  const backend = new GuardedBackend(await storage.backend(repositoryId), mayDelete)
  let files = 0
  try {
    for (const type of order) {
      for (const name of await namesOf(services, repositoryId, type)) {
        signal.throwIfAborted()
        if (type === 'snapshot') {
          const about = { repositoryId, snapshotId: name, machineId: null, details: { operation: work.operation.id } }
          await ledger.write({ ...about, what: 'removing' })
        }
        await backend.delete({ type, name }, { signal })
        files++
      }
    }
    await noteCare(store.db, repositoryId, { deletedAt: clock.now() })
  } finally {
    await settleLedger(services, repositoryId)
    await measureRepository(services, repositoryId)
  }
  const reason = `${formatCount(files, 'file')} were set aside. They can be put back until they are purged.`
  return { state: 'done', reason, result: { files } }
}

async function namesOf({ storage }: Services, repositoryId: string, type: FileType): Promise<string[]> {
  if (type === 'config') {
    return (await storage.size(repositoryId, { type, name: '' })) === undefined ? [] : ['']
  }
  const listed = await Array.fromAsync(storage.list(repositoryId, type))
  return listed.map(({ name }) => name)
}

/** When nothing of a deleted repository is left: its row goes, with its password, and its machine's, if that has no other. */
export async function removeDeletedRepository(services: Services, repositoryId: string): Promise<void> {
  const { store, audit } = services
  await store.db.transaction().execute(async (transaction) => {
    const gone = await transaction
      .deleteFrom('repositories')
      .where('id', '=', repositoryId)
      .returningAll()
      .executeTakeFirst()
    if (!gone) return
    const { clientId, machineId, name } = gone
    const entry = { actor: serverActor, what: 'repository.gone', clientId, details: { id: repositoryId, name } }
    await audit.write(entry, transaction)
    if (machineId === null) return
    await transaction
      .deleteFrom('machines')
      .where('id', '=', machineId)
      .where('state', '=', 'revoked')
      .where((where) =>
        where.not(where.exists(where.selectFrom('repositories').select('id').where('machineId', '=', machineId))),
      )
      .execute()
  })
}
