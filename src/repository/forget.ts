import { forEachConcurrent } from '#base'
import type { Cancellable } from '#base'
import { RepositoryError } from './errors.ts'
import { deleteSnapshot } from './snapshots.ts'
import type { Repository } from './repository.ts'
import type { HeldLock } from './lock.ts'

export interface ForgetOptions extends Cancellable {
  /** The exclusive lock. */
  readonly lock: Pick<HeldLock, 'verify' | 'ensure'>
  /**
   * How many snapshots must be left at the least: what the caller showed, or decided from. If there are fewer than it
   * thinks (two ran at once, a listing was behind), nothing is forgotten.
   */
  readonly mustLeave: number
  readonly onForgotten?: (id: string) => void
}

/**
 * Forgets snapshots. What only they needed stays until a prune removes it.
 * Throws `FORGET_REFUSED` before anything is forgotten.
 */
export async function forgetSnapshots(
  repository: Repository,
  ids: Iterable<string>,
  { lock, mustLeave, onForgotten, signal }: ForgetOptions,
): Promise<void> {
  const going = new Set(ids)
  const { backend } = repository
  await lock.verify()
  let left = 0
  for await (const { name } of backend.list('snapshot', { signal })) if (!going.has(name)) left++
  if (left < mustLeave) throw new RepositoryError('FORGET_REFUSED', { left, mustLeave })
  const forget = async (id: string) => {
    await lock.ensure()
    await deleteSnapshot(repository, id, { signal })
    onForgotten?.(id)
  }
  await forEachConcurrent(going, forget, { concurrency: backend.connections, signal })
}
