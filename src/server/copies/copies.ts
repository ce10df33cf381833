import { hasCode, messageOf } from '#base'
import type { Services } from '../app/services.ts'
import type { NewRow, Row } from '../store/tables.ts'

/** How far each copy is: of which repository, at which destination, on which of its disks. */

export interface CopyKey {
  readonly destinationId: string
  readonly repositoryId: string
  /** Empty where the destination has no disks. */
  readonly diskId: string
}

export async function copyOf({ store }: Services, key: CopyKey): Promise<Row<'copies'> | undefined> {
  return await store.db
    .selectFrom('copies')
    .selectAll()
    .where('destinationId', '=', key.destinationId)
    .where('repositoryId', '=', key.repositoryId)
    .where('diskId', '=', key.diskId)
    .executeTakeFirst()
}

export async function setCopy(
  { store }: Services,
  key: CopyKey,
  change: Partial<Omit<NewRow<'copies'>, keyof CopyKey>>,
): Promise<void> {
  const { destinationId, repositoryId, diskId } = key
  await store.db
    .insertInto('copies')
    .values({ destinationId, repositoryId, diskId, ledgerSeq: 0, snapshots: 0, failures: 0, ...change })
    .onConflict((conflict) =>
      Object.keys(change).length === 0
        ? conflict.columns(['destinationId', 'repositoryId', 'diskId']).doNothing()
        : conflict.columns(['destinationId', 'repositoryId', 'diskId']).doUpdateSet(change),
    )
    .execute()
}

export interface Received {
  readonly seq: number
  /** Milliseconds since 1970. */
  readonly at: number
}

/** The last snapshot that a repository's ledger received after an entry; undefined: none. */
export async function receivedAfter(
  services: Services,
  repositoryId: string,
  seq: number,
): Promise<Received | undefined> {
  return await received(services, repositoryId, seq).orderBy('seq', 'desc').limit(1).executeTakeFirst()
}

/** The first one. */
export async function firstReceivedAfter(
  services: Services,
  repositoryId: string,
  seq: number,
): Promise<Received | undefined> {
  return await received(services, repositoryId, seq).orderBy('seq').limit(1).executeTakeFirst()
}

function received({ store }: Services, repositoryId: string, seq: number) {
  return store.db
    .selectFrom('ledger')
    .select(['seq', 'at'])
    .where('repositoryId', '=', repositoryId)
    .where('seq', '>', seq)
    .where('what', '=', 'received')
}

const minute = 60_000
const longestWait = 60 * minute
/** What no further try mends by itself. */
const patient = 24 * 60 * minute
const needsPerson = ['REPOSITORY_PASSWORD_KEPT', 'COPY_GONE', 'COPY_FOREIGN', 'COPY_PACKS_MISSING', 'PASSWORD_WRONG']

/** Notes that a copy failed, why, and when it is tried again. */
export async function noteFailure(services: Services, key: CopyKey, thrown: unknown): Promise<void> {
  const failures = ((await copyOf(services, key))?.failures ?? 0) + 1
  const wait = needsPerson.some((code) => hasCode(thrown, code))
    ? patient
    : Math.min(minute * 2 ** Math.min(failures - 1, 10), longestWait)
  const reason = messageOf(thrown).slice(0, 2_000)
  await setCopy(services, key, { failures, reason, nextTryAt: services.clock.now() + wait })
}
