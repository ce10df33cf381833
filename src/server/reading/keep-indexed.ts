import { join } from 'node:path'
import { messageOf, toPlainError } from '#base'
import type { Cancellable } from '#base'
import type { Services } from '../app/services.ts'
import { ledgerHeads, removedIn } from '../records/ledger.ts'
import { passwordOf } from '../repositories/own-repositories.ts'
import { repositoryAt } from '../search/index.ts'
import type { Row } from '../store/tables.ts'
import { noRecord } from './index-records.ts'

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
  const { reading } = services
  for (const id of await reading.indexRecords.orphans()) await reading.search.remove(id)
  for (const due of await findDue(services)) {
    signal?.throwIfAborted()
    const problem = await update(services, due, { signal })
    if (problem !== undefined) onProblem?.(`search in ${due.repository.name}: ${problem}`)
  }
}

interface Due {
  readonly repository: Row<'repositories'>
  /** The last entry of its ledger. */
  readonly seq: number
}

/** Repositories of which the server has the password, and in whose ledger is more than in their index. */
async function findDue({ store, reading, clock }: Services): Promise<Due[]> {
  const [heads, records] = await Promise.all([ledgerHeads(store.db), reading.indexRecords.all()])
  const rows = store.db.selectFrom('repositories').selectAll().where('sealedPassword', 'is not', null)
  return (await rows.execute()).flatMap((repository) => {
    const seq = heads.get(repository.id)
    const known = records.get(repository.id) ?? noRecord
    const waits = known.problemCode !== null && Math.abs(clock.now() - known.triedAt) < retryAfter
    return seq === undefined || seq === known.ledgerSeq || waits ? [] : [{ repository, seq }]
  })
}

/** Returns what went wrong. */
async function update(
  services: Services,
  { repository, seq }: Due,
  { signal }: Cancellable,
): Promise<string | undefined> {
  const { reading, clock } = services
  const { id } = repository
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
