import { join } from 'node:path'
import { messageOf, toPlainError } from '#base'
import type { Cancellable } from '#base'
import type { Services } from '../app/services.ts'
import { chainOf, removedIn } from '../records/ledger.ts'
import { headOfChain } from '../records/chain.ts'
import { passwordOf } from '../repositories/own-repositories.ts'
import { repositoryAt } from '../search/index.ts'
import type { Row } from '../store/tables.ts'

export interface KeepIndexedOptions extends Cancellable {
  /** Told of an index that could not be updated: a sentence. */
  readonly onProblem?: ((sentence: string) => void) | undefined
}

/** Milliseconds between two looks at the ledgers. */
const lookEvery = 5_000
/** After an update that failed, in milliseconds. */
const retryAfter = 10 * 60_000

/**
 * Keeps the search indexes of this server node up to what the ledgers say, until the signal aborts. Each node has its own:
 * this is no round, which one node of many makes.
 */
export async function keepIndexed(services: Services, { signal, onProblem }: KeepIndexedOptions): Promise<void> {
  const isOver = () => signal?.aborted === true
  while (!isOver()) {
    await updateIndexes(services, { signal, onProblem }).catch((thrown: unknown) => {
      if (!isOver()) onProblem?.(`search: ${messageOf(thrown)}`)
    })
    await services.clock.sleep(lookEvery, { signal }).catch(() => undefined) // aborted
  }
}

/** Updates each index for which the ledger says that there is something new, and removes those of repositories that are gone. */
export async function updateIndexes(services: Services, { signal, onProblem }: KeepIndexedOptions = {}): Promise<void> {
  const { store, reading } = services
  for (const id of await reading.indexRecords.orphans()) await reading.search.remove(id)
  const repositories = await store.db
    .selectFrom('repositories')
    .selectAll()
    .where('sealedPassword', 'is not', null)
    .execute()
  for (const repository of repositories) {
    signal?.throwIfAborted()
    const problem = await updateIfDue(services, repository, { signal })
    if (problem !== undefined) onProblem?.(`search in ${repository.name}: ${problem}`)
  }
}

/** Returns what went wrong. */
async function updateIfDue(
  services: Services,
  repository: Row<'repositories'>,
  { signal }: Cancellable,
): Promise<string | undefined> {
  const { store, reading, clock } = services
  const { id } = repository
  const [{ seq }, known] = await Promise.all([headOfChain(store.db, chainOf(id)), reading.indexRecords.find(id)])
  const waits = known.problemCode !== null && Math.abs(clock.now() - known.triedAt) < retryAfter
  if (seq === 0 || seq === known.ledgerSeq || waits) return undefined
  try {
    await reading.search.update(id, await sourceOf(services, repository), { signal })
    await reading.indexRecords.set(id, { ledgerSeq: seq, triedAt: clock.now(), problemCode: null, problem: null })
    return undefined
  } catch (thrown) {
    signal?.throwIfAborted()
    const problem = messageOf(thrown).slice(0, 1_000)
    const problemCode = toPlainError(thrown).code ?? 'UNEXPECTED'
    await reading.indexRecords.set(id, { triedAt: clock.now(), problemCode, problem })
    return problem
  }
}

async function sourceOf(services: Services, repository: Row<'repositories'>) {
  const { storage, folder, ledger } = services
  const { id } = repository
  return repositoryAt({
    location: storage.locationOf(id),
    password: passwordOf(services, repository),
    cacheFolder: join(folder, 'cache'),
    without: await removedIn(ledger.entries(id)),
  })
}
