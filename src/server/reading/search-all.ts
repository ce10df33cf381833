import type { Cancellable } from '#base'
import type { SearchAnswer, SearchQuery } from '#protocol'
import { clientsWith } from '../app/caller.ts'
import type { Grants } from '../app/caller.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { ledgerHeads } from '../records/ledger.ts'
import type { Row } from '../store/tables.ts'
import { noRecord } from './index-records.ts'

export interface SearchAllOptions extends Cancellable {
  readonly grants: Grants
}

/** What says that an index is of no use until it is made anew. */
const brokenIndex = ['SEARCH_INDEX_DAMAGED', 'SEARCH_INDEX_ROLLED_BACK', 'SEARCH_INDEX_VERSION']

/**
 * Searches the recovery points of all machines whose files the caller may bring back: who may do that sees their names. What
 * was not looked into, or is behind what the machines have sent, stands in the answer with the reason.
 * Throws `SEARCH_QUERY_INVALID`, `SEARCH_CURSOR_INVALID`, `READING_BUSY`.
 */
export async function searchAll(
  services: Services,
  query: SearchQuery,
  { grants, signal }: SearchAllOptions,
): Promise<SearchAnswer> {
  using _ = services.reading.searches.take()
  const all = await repositoriesFor(services, grants, query)
  const kept = all.filter(({ sealedPassword }) => sealedPassword === null)
  const repositories = all
    .filter(({ sealedPassword }) => sealedPassword !== null)
    .map(({ id, machineId }) => ({ repository: id, machine: machineId ?? id }))
  const { indexRecords, search } = services.reading
  const answer = await search.search(query, { repositories, signal })
  for (const { repository, code } of answer.notSearched) {
    if (brokenIndex.includes(code)) await indexRecords.askAnew(repository)
  }
  const keptFromUs = kept.map(({ id, name }) => {
    const { code, message } = new ServerError('REPOSITORY_PASSWORD_KEPT', { name })
    return { repository: id, code, message }
  })
  const behind = await findBehind(services, answer.searched)
  return { ...answer, behind, notSearched: [...answer.notSearched, ...keptFromUs] }
}

async function repositoriesFor(
  { store }: Services,
  grants: Grants,
  { machines }: SearchQuery,
): Promise<Pick<Row<'repositories'>, 'id' | 'name' | 'machineId' | 'sealedPassword'>[]> {
  const seen = clientsWith(grants, 'restore')
  let rows = store.db.selectFrom('repositories').select(['id', 'name', 'machineId', 'sealedPassword']).orderBy('id')
  if (seen !== 'every') rows = rows.where('clientId', 'in', seen.length > 0 ? [...seen] : [''])
  if (machines) rows = rows.where('machineId', 'in', machines)
  return await rows.execute()
}

/** Repositories to which something has come that is not in their index yet. */
async function findBehind(
  { store, reading }: Services,
  searched: SearchAnswer['searched'],
): Promise<NonNullable<SearchAnswer['behind']>> {
  const [heads, records] = await Promise.all([ledgerHeads(store.db), reading.indexRecords.all()])
  const behind: NonNullable<SearchAnswer['behind']> = []
  for (const { repository } of searched) {
    const { ledgerSeq, problem } = records.get(repository) ?? noRecord
    if (ledgerSeq < (heads.get(repository) ?? 0)) behind.push({ repository, reason: problem })
  }
  return behind
}
