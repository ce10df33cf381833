import type { ExpressionBuilder, Kysely, Updateable } from 'kysely'
import type { Services } from '../app/services.ts'
import { fileTypes } from '#backend'
import { noteSize, repositorySubject } from '../measuring/sizes.ts'
import type { RepositoryCareTable, Row, Tables } from '../store/tables.ts'

/** What the server remembers of its care of a repository; undefined: nothing yet. */
export async function careOf(db: Kysely<Tables>, repositoryId: string): Promise<Row<'repositoryCare'> | undefined> {
  return await db.selectFrom('repositoryCare').selectAll().where('repositoryId', '=', repositoryId).executeTakeFirst()
}

export async function noteCare(
  db: Kysely<Tables>,
  repositoryId: string,
  values: Updateable<RepositoryCareTable>,
): Promise<void> {
  await db
    .insertInto('repositoryCare')
    .values({ repositoryId, ...values })
    .onConflict((conflict) => conflict.column('repositoryId').doUpdateSet(values))
    .execute()
}

/** In a query for repositories: those that have ever received a snapshot. */
export function hasSnapshots(where: ExpressionBuilder<Tables, 'repositories'>) {
  const entries = where.selectFrom('ledger').select('ledger.seq').where('ledger.what', '=', 'received')
  return where.exists(entries.whereRef('ledger.repositoryId', '=', 'repositories.id'))
}

/** Takes a repository's figures from its storage, and lets the endpoint count anew. */
export async function measureRepository(services: Services, repositoryId: string): Promise<void> {
  const { store, storage, storageChanges, clock } = services
  let [usedBytes, snapshots, softDeletedBytes] = [0, 0, 0]
  for (const type of fileTypes) {
    for await (const { size } of storage.list(repositoryId, type)) {
      usedBytes += size
      if (type === 'snapshot') snapshots++
    }
  }
  let softDeletedSince: string | null = null
  for await (const { size, day } of (await storage.quarantine(repositoryId)).list()) {
    softDeletedBytes += size
    if (softDeletedSince === null || day < softDeletedSince) softDeletedSince = day
  }
  const figures = { usedBytes, snapshots, softDeletedBytes, softDeletedSince, measuredAt: clock.now() }
  await noteCare(store.db, repositoryId, figures)
  const size = { at: figures.measuredAt, bytes: usedBytes, capacity: null }
  await noteSize(store.db, { subject: repositorySubject(repositoryId), ...size })
  storageChanges.tell(repositoryId)
}
