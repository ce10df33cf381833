import type { Kysely } from 'kysely'
import type { ClientRef, StorageView } from '../alerts/index.ts'
import { repositorySubject, storagePrefix } from '../measuring/sizes.ts'
import type { Row, Tables } from '../store/tables.ts'

/** The storages whose size is noted, and repositories that may grow so far only. */
export async function lookAtStorages(
  db: Kysely<Tables>,
  clients: ReadonlyMap<string, ClientRef>,
  now: number,
): Promise<StorageView[]> {
  const limited = await db.selectFrom('repositories').selectAll().where('quotaBytes', 'is not', null).execute()
  const own = await sizesOf(db, now, (query) => query.where('subject', 'like', `${storagePrefix}%`))
  const subjects = limited.map(({ id }) => repositorySubject(id))
  const theirs = subjects.length > 0 ? await sizesOf(db, now, (query) => query.where('subject', 'in', subjects)) : []
  const bySubject = Map.groupBy(theirs, ({ subject }) => subject)
  return [
    ...[...Map.groupBy(own, ({ subject }) => subject).values()].map(viewOfStorage),
    ...limited.flatMap((row) => viewOfRepository(row, clients, bySubject.get(repositorySubject(row.id)) ?? [])),
  ]
}

type Size = Row<'sizes'>

function viewOfStorage(sizes: readonly Size[]): StorageView {
  const { subject, bytes, capacity } = sizes.at(-1) as Size
  const name = subject.slice(storagePrefix.length)
  const space = capacity === null ? {} : { space: { capacity, free: Math.max(0, capacity - bytes) } }
  return { id: name, name, client: null, used: sizes, ...space }
}

function viewOfRepository(
  { id, name, clientId, quotaBytes }: Row<'repositories'>,
  clients: ReadonlyMap<string, ClientRef>,
  sizes: readonly Size[],
): StorageView[] {
  const last = sizes.at(-1)
  if (quotaBytes === null || !last) return []
  const space = { capacity: quotaBytes, free: Math.max(0, quotaBytes - last.bytes) }
  return [{ id, name, client: clients.get(clientId) ?? null, used: sizes, space }]
}

/** How far back it matters, in milliseconds. */
const lookedBack = 60 * 86_400_000

function selectSizes(db: Kysely<Tables>, now: number) {
  return db
    .selectFrom('sizes')
    .selectAll()
    .where('at', '>', now - lookedBack)
    .where('at', '<=', now)
    .orderBy('at')
}

type SelectSizes = ReturnType<typeof selectSizes>

async function sizesOf(
  db: Kysely<Tables>,
  now: number,
  narrow: (query: SelectSizes) => SelectSizes,
): Promise<readonly Size[]> {
  return await narrow(selectSizes(db, now)).execute()
}
