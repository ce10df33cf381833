import { hasCode, messageOf, throwIfBug } from '#base'
import { RepositoryError } from '../errors.ts'
import type { HeldLock } from '../lock.ts'
import type { Repository } from '../repository.ts'
import { deleteSnapshot, loadSnapshot } from '../snapshots.ts'
import { waitForSecondLook } from './second-look.ts'
import type { LookOptions } from './second-look.ts'

/**
 * Removes a snapshot whose file cannot be read, under the exclusive lock: after a second look, which must see the same.
 * `first` is what the first look said. Throws `STORAGE_UNSTEADY`.
 */
export async function removeUnreadableSnapshot(
  repository: Repository,
  id: string,
  { first, lock, ...options }: LookOptions & { readonly first: Error; readonly lock: Pick<HeldLock, 'verify'> },
): Promise<void> {
  await waitForSecondLook(options)
  const second = await loadSnapshot(repository, id, options).catch((thrown: Error) => thrown)
  options.signal?.throwIfAborted()
  if (second instanceof Error) throwIfBug(second)
  const isSame = second instanceof Error && hasCode(second, 'FILE_DAMAGED') && second.message === first.message
  if (!isSame) {
    const reason = `${messageOf(first)} Later: ${second instanceof Error ? messageOf(second) : 'it was right'}`
    throw new RepositoryError('STORAGE_UNSTEADY', { type: 'snapshot', name: id.slice(0, 10), reason })
  }
  await lock.verify()
  await deleteSnapshot(repository, id, options)
}
