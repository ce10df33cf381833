import { hostname } from 'node:os'
import { messageOf } from '#base'
import type { Cancellable } from '#base'
import { loadLocks, parseTime, removeLocks } from '#repository'
import type { FoundLock } from '#repository'
import type { Services } from '../app/services.ts'
import { openOwnRepository } from '../repositories/open-repository.ts'

export interface ClearLocksOptions extends Cancellable {
  /** When this server was started, in milliseconds since 1970: what it wrote since then it holds. */
  readonly before: number
  /** Told of a repository whose locks cannot be looked at: a storage that is away keeps no server from working. */
  readonly onProblem?: ((sentence: string) => void) | undefined
}

/**
 * Removes the locks that this server left when it was killed, before it does any work: nobody need wait half an hour until they
 * are stale. Its own are those of this host whose process is gone, or has the number of this one and wrote before this one began
 * (in a container every process is number 1). Every node needs a host name of its own.
 */
export async function clearOwnLocks(services: Services, options: ClearLocksOptions): Promise<void> {
  const { store, storage } = services
  const { signal, onProblem } = options
  const repositories = await store.db
    .selectFrom('repositories')
    .select(['id', 'name'])
    .where('sealedPassword', 'is not', null)
    .execute()
  for (const { id, name } of repositories) {
    try {
      const locks = await Array.fromAsync(storage.list(id, 'lock'))
      if (locks.length > 0) await clearLocksOf(services, id, options)
    } catch (thrown) {
      if (signal?.aborted === true) return
      onProblem?.(`locks of "${name}": ${messageOf(thrown)}`)
    }
  }
}

async function clearLocksOf(services: Services, id: string, { before, signal }: ClearLocksOptions): Promise<void> {
  const repository = await openOwnRepository(services, id, { signal })
  await removeLocks(repository, { clock: services.clock, signal })
  for (const found of await loadLocks(repository, { signal })) {
    if (isOfThisProcess(found, before)) await repository.backend.delete({ type: 'lock', name: found.name }, { signal })
  }
}

function isOfThisProcess({ lock }: FoundLock, before: number): boolean {
  if (lock instanceof Error || lock.hostname !== hostname() || lock.pid !== process.pid) return false
  return Number(parseTime(lock.time) / 1_000_000n) < before
}
