import type { Services } from '../app/services.ts'

/** So many repositories tell whether it is the storage that is another one. */
const mostLookedAt = 20

/**
 * What is to be said when the server starts and the storage has none of the repositories that it should have: a disk that is
 * not mounted, or another --storage than before. Undefined: it has one of them at least, or should have none.
 */
export async function storageTrouble({ store, storage }: Services): Promise<string | undefined> {
  const known = await store.db
    .selectFrom('repositories')
    .leftJoin('repositoryCare', 'repositoryCare.repositoryId', 'repositories.id')
    .select('repositories.id')
    .where('repositoryCare.deletedAt', 'is', null)
    .where((where) =>
      where.exists(
        where
          .selectFrom('ledger')
          .select('ledger.seq')
          .whereRef('ledger.repositoryId', '=', 'repositories.id')
          .where('ledger.what', '=', 'received'),
      ),
    )
    .limit(mostLookedAt)
    .execute()
  for (const { id } of known) if (await isThere(storage, id)) return undefined
  if (known.length === 0) return undefined
  const [first] = known
  const place = storage.locationOf(first?.id ?? '').replace(/\/[^/]*$/, '')
  return `The storage at ${place} has none of the repositories that were in it: see that its disk is mounted, and that --storage is what it was. Backups fail until then, and nothing is lost by that.`
}

/** A storage that cannot be asked just now says so by itself, as soon as it is used. */
async function isThere(storage: Services['storage'], id: string): Promise<boolean> {
  return await storage.size(id, { type: 'config', name: '' }).then(
    (size) => size !== undefined,
    () => true,
  )
}
