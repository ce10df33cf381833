import type { Cancellable } from '#base'
import { RepositoryError } from './errors.ts'
import { listIndexFiles, loadIndex } from './load-index.ts'
import type { IndexedRepository } from './repository.ts'

/**
 * Makes sure that every blob which this run has reused or stored is still named by an index.
 *
 * A run holds a lock, so nobody should remove anything meanwhile. But locks are advice: a machine that slept for an hour
 * finds its lock broken and the repository pruned. The names of index files tell it at the price of one listing: they
 * never change their content, so while all that we know of are there, nothing was removed.
 * Throws `BLOBS_REMOVED`.
 */
export async function verifyUsedBlobs(
  repository: IndexedRepository,
  savedIndexes: ReadonlySet<string>,
  { signal }: Cancellable = {},
): Promise<void> {
  const listed = await listIndexFiles(repository, { signal })
  const known = repository.indexFiles.union(savedIndexes)
  if (known.isSubsetOf(listed)) return
  const { index } = repository
  const { index: now } = await loadIndex(repository, { signal })
  let missing = 0
  for (let entry = 0; entry < index.size; entry++) {
    if (index.isUsed(entry) && now.find(index.typeOf(entry), index.idOf(entry)) < 0) missing++
  }
  if (missing > 0) throw new RepositoryError('BLOBS_REMOVED', { count: missing })
}
