import { join } from 'node:path'
import type { Cancellable } from '#base'
import { CacheBackend } from '#backend'
import { openRepository } from '#repository'
import type { Repository } from '#repository'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { GuardedBackend } from './guarded-backend.ts'
import type { DeletionGuard } from './guarded-backend.ts'
import { passwordOf } from './own-repositories.ts'

export interface OpenOptions extends Cancellable {
  readonly cache?: boolean
  /** Asked before each file that is deleted, locks apart. */
  readonly mayDelete?: DeletionGuard
}

/**
 * Opens a repository that the server keeps, for the server's own work: check, search, preview, retention, test restores. What
 * is deleted in it goes to the quarantine, file by file after a question where `mayDelete` is given. It belongs to the
 * storage: there is nothing to close.
 * Without `cache` every byte comes from the storage: what is to be proven is what lies there.
 * Throws `NOT_FOUND`, `REPOSITORY_PASSWORD_KEPT`, `SECRET_DAMAGED`, and what opening throws.
 */
export async function openOwnRepository(
  services: Services,
  id: string,
  { cache = true, mayDelete, ...options }: OpenOptions = {},
): Promise<Repository> {
  const { store, storage, folder } = services
  const row = await store.db.selectFrom('repositories').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw new ServerError('NOT_FOUND', { what: 'repository' })
  const stored = await storage.backend(id)
  const backend = mayDelete ? new GuardedBackend(stored, mayDelete) : stored
  const password = passwordOf(services, row)
  return await openRepository(backend, {
    password,
    ...options,
    // What lies on a disk of this machine is as fast as a copy of it would be.
    wrap: async (inner, config) =>
      inner.fast || !cache
        ? inner
        : await CacheBackend.open(inner, { folder: join(folder, 'cache'), repositoryId: config.id }),
  })
}
