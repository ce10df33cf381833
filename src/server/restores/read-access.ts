import { randomBytes, randomUUID } from 'node:crypto'
import type { readAccessSchema } from '#protocol'
import type { z } from 'zod'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { hashOf } from '../people/tokens.ts'
import { passwordOf } from '../repositories/own-repositories.ts'
import type { Row } from '../store/tables.ts'

/**
 * Lends a machine the way into the repository that an operation of its reads, when that is another machine's: a credential
 * that only reads, and only while the operation runs. Asked again it is another one, and the one before holds no more.
 * Throws `CLAIM_LOST`, `NOT_FOUND`, `SECRET_DAMAGED`.
 */
export async function lendReadAccess(
  services: Services,
  { operation, epoch, machineId }: { readonly operation: string; readonly epoch: number; readonly machineId: string },
): Promise<z.output<typeof readAccessSchema>> {
  const { store, clock, origin } = services
  const { order, clientId } = await runningOperation(services, operation, epoch)
  const { repositoryId } = JSON.parse(order) as { readonly repositoryId?: string }
  const repository = await store.db
    .selectFrom('repositories')
    .selectAll()
    .where('id', '=', repositoryId ?? '')
    // The order was checked when it was given; a repository that went to another client since is not lent.
    .where('clientId', '=', clientId ?? '')
    .executeTakeFirst()
  if (!repository) throw new ServerError('NOT_FOUND', { what: 'repository' })
  const [user, secret, now] = [randomUUID(), randomBytes(32).toString('base64url'), clock.now()]
  await store.db.transaction().execute(async (transaction) => {
    await transaction
      .updateTable('repositoryCredentials')
      .set({ revokedAt: now })
      .where('operationId', '=', operation)
      .where('revokedAt', 'is', null)
      .execute()
    const about = { repositoryId: repository.id, machineId, operationId: operation, createdAt: now, revokedAt: null }
    await transaction
      .insertInto('repositoryCredentials')
      .values({ id: user, hash: hashOf(secret), ...about })
      .execute()
  })
  const password = repository.sealedPassword === null ? null : passwordOf(services, repository)
  return { repositoryId: repository.id, url: `${origin}/repo/${repository.id}/`, user, secret, password }
}

async function runningOperation({ store }: Services, id: string, epoch: number): Promise<Row<'operations'>> {
  const operation = await store.db
    .selectFrom('operations')
    .selectAll()
    .where('id', '=', id)
    .where('claimEpoch', '=', epoch)
    .where('state', '=', 'running')
    .where('kind', 'in', ['restore', 'trial'])
    // What a machine enters by itself always has a key, and nobody but a person has another's data read.
    .where('onceKey', 'is', null)
    .executeTakeFirst()
  if (!operation) throw new ServerError('CLAIM_LOST')
  return operation
}
