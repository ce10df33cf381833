import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import type { Row } from '../store/tables.ts'
import type { CopyKey } from './copies.ts'
import type { CopyTask } from './copy-repository.ts'
import { destinationOf } from './destinations.ts'

/** What an order about a copy is about. Throws `NOT_FOUND` for what has been removed since, and for what belongs to different clients. */
export async function taskOf(services: Services, { destinationId, repositoryId, diskId }: CopyKey): Promise<CopyTask> {
  const { db } = services.store
  const destination = await destinationOf(services, destinationId)
  const repository = await db
    .selectFrom('repositories')
    .selectAll()
    .where('id', '=', repositoryId)
    .where('clientId', '=', destination.clientId)
    .executeTakeFirst()
  if (!repository) throw new ServerError('NOT_FOUND', { what: 'repository' })
  return { destination, repository, disk: diskId === '' ? undefined : await diskOf(services, destinationId, diskId) }
}

async function diskOf({ store }: Services, destinationId: string, id: string): Promise<Row<'destinationDisks'>> {
  const disk = await store.db
    .selectFrom('destinationDisks')
    .selectAll()
    .where('id', '=', id)
    .where('destinationId', '=', destinationId)
    .executeTakeFirst()
  if (!disk) throw new ServerError('NOT_FOUND', { what: 'disk' })
  return disk
}
