import { mapOrdered, messageOf, throwIfBug, toPlainError } from '#base'
import type { Cancellable } from '#base'
import type { RecoveryPoint, Suspicion } from '#protocol'
import { formatTime, loadSnapshot, parseTime } from '#repository'
import type { NamedSnapshot, Repository } from '#repository'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import type { Row } from '../store/tables.ts'
import { formatMomentOrNull } from '../time.ts'

export interface PageOptions extends Cancellable {
  readonly limit: number
  /** The recovery point after which the page begins. */
  readonly after?: string | undefined
}

export interface RecoveryPointPage {
  readonly recoveryPoints: RecoveryPoint[]
  readonly next: string | null
}

/** What ledger and storage say of a snapshot. */
interface Found {
  readonly id: string
  readonly repositoryId: string
  readonly receivedAt: number | null
  readonly isStored: boolean
  readonly isSigned: boolean
  readonly wasRemoved: boolean
  readonly isSuspect: boolean
}

/** How far a machine's clock may be ahead before it is told, in milliseconds. */
const clockTolerance = 10 * 60_000

/**
 * The recovery points of a machine, the one received last first: what the ledger says, what lies in the storage, and what the
 * machine claims of it, where the server has the password. Throws `NOT_FOUND` for an `after` that is none of them.
 */
export async function listRecoveryPoints(
  services: Services,
  machineId: string,
  { limit, after, signal }: PageOptions,
): Promise<RecoveryPointPage> {
  const { db } = services.store
  const repositories = await db.selectFrom('repositories').selectAll().where('machineId', '=', machineId).execute()
  const found: Found[] = []
  for (const { id } of repositories) found.push(...(await findSnapshots(services, id, { signal })))
  found.sort((a, b) => (b.receivedAt ?? Infinity) - (a.receivedAt ?? Infinity) || (a.id < b.id ? -1 : 1))
  const start = after === undefined ? 0 : found.findIndex(({ id }) => id === after) + 1
  if (after !== undefined && start === 0) throw new ServerError('NOT_FOUND', { what: 'recovery point' })
  const page = found.slice(start, start + limit)
  const attackedSince = await findAttack(services, machineId)
  const read = await readContents(services, page, { signal })
  const recoveryPoints = page.map((one) => describe(one, read.get(one.id), attackedSince))
  return { recoveryPoints, next: start + limit < found.length ? (page.at(-1)?.id ?? null) : null }
}

async function findSnapshots(services: Services, repositoryId: string, { signal }: Cancellable): Promise<Found[]> {
  const { ledger, storage } = services
  const known = await ledger.snapshots(repositoryId)
  const stored = new Set<string>()
  const backend = await storage.backend(repositoryId)
  for await (const { name } of backend.list('snapshot', { signal })) stored.add(name)
  const wanted = [...known.values()].filter(({ state }) => state !== 'removed').map(({ id }) => id)
  return [...new Set([...wanted, ...stored])].map((id) => {
    const { state, receivedAt = null, suspectBecause, isSigned = false } = known.get(id) ?? {}
    const wasRemoved = state === 'removed'
    return {
      id,
      repositoryId,
      receivedAt: wasRemoved ? null : receivedAt,
      isStored: stored.has(id),
      isSigned,
      wasRemoved,
      isSuspect: suspectBecause !== undefined,
    }
  })
}

/** Since when the machine's client counts as attacked; undefined: it does not. */
async function findAttack({ store }: Services, machineId: string): Promise<number | undefined> {
  const client = await store.db
    .selectFrom('clients')
    .innerJoin('machines', 'machines.clientId', 'clients.id')
    .select(['clients.state', 'clients.stateSince'])
    .where('machines.id', '=', machineId)
    .executeTakeFirstOrThrow()
  return client.state === 'attacked' ? client.stateSince : undefined
}

type ReadSnapshot = NamedSnapshot | { readonly unreadable: { readonly code: string; readonly message: string } }

/** The snapshots of a page, by their ids. What one cannot be read for is said at it, and stops no other. */
async function readContents(
  services: Services,
  page: readonly Found[],
  { signal }: Cancellable,
): Promise<ReadonlyMap<string, ReadSnapshot>> {
  const read = new Map<string, ReadSnapshot>()
  const stored = page.filter(({ isStored }) => isStored)
  for (const repositoryId of new Set(stored.map((one) => one.repositoryId))) {
    const ids = stored.filter((one) => one.repositoryId === repositoryId).map(({ id }) => id)
    const cannot = await readAll(services, repositoryId, ids, { signal, read })
    if (cannot) for (const id of ids) read.set(id, { unreadable: cannot })
  }
  return read
}

async function readAll(
  services: Services,
  repositoryId: string,
  ids: readonly string[],
  { read, signal }: Cancellable & { readonly read: Map<string, ReadSnapshot> },
) {
  try {
    using held = await services.reading.repositories.hold(services, repositoryId, { signal })
    const { repository } = held
    const { connections: concurrency } = repository.backend
    const readOne = async (id: string) => ({ id, snapshot: await readSnapshot(repository, id, { signal }) })
    for await (const { id, snapshot } of mapOrdered(ids, readOne, { concurrency, signal })) read.set(id, snapshot)
    return undefined
  } catch (thrown) {
    signal?.throwIfAborted()
    return reasonOf(thrown)
  }
}

async function readSnapshot(repository: Repository, id: string, options: Cancellable): Promise<ReadSnapshot> {
  try {
    return await loadSnapshot(repository, id, options)
  } catch (thrown) {
    options.signal?.throwIfAborted()
    return { unreadable: reasonOf(thrown) }
  }
}

function reasonOf(thrown: unknown) {
  throwIfBug(thrown)
  return { code: toPlainError(thrown).code ?? 'UNEXPECTED', message: messageOf(thrown) }
}

function describe(found: Found, read: ReadSnapshot | undefined, attackedSince: number | undefined): RecoveryPoint {
  const { id, repositoryId, receivedAt, isStored: stored, isSigned: signed } = found
  const snapshot = read && !('unreadable' in read) ? read : undefined
  return {
    id,
    repositoryId,
    receivedAt: formatMomentOrNull(receivedAt),
    stored,
    signed,
    suspicions: suspicionsOf(found, snapshot, attackedSince),
    content: snapshot ? contentOf(snapshot) : null,
    unreadable: read && 'unreadable' in read ? read.unreadable : null,
  }
}

function suspicionsOf(
  found: Found,
  snapshot: NamedSnapshot | undefined,
  attackedSince: number | undefined,
): Suspicion[] {
  const { receivedAt, wasRemoved, isSuspect } = found
  const claimedAt = snapshot && Number(parseTime(snapshot.time) / 1_000_000n)
  const all: readonly (readonly [Suspicion, boolean])[] = [
    ['attacked', attackedSince !== undefined && receivedAt !== null && receivedAt >= attackedSince],
    ['suspect', isSuspect],
    ['not received', receivedAt === null && !wasRemoved],
    ['was removed', receivedAt === null && wasRemoved],
    ['from the future', receivedAt !== null && claimedAt !== undefined && claimedAt > receivedAt + clockTolerance],
  ]
  return all.filter(([, holds]) => holds).map(([suspicion]) => suspicion)
}

function contentOf({ time, hostname, paths, tags, summary }: NamedSnapshot): NonNullable<RecoveryPoint['content']> {
  return {
    // In UTC: an offset of some programs has seconds, which RFC 3339 has not.
    claimedAt: formatTime(parseTime(time)),
    host: hostname,
    paths: [...paths],
    tags: [...tags],
    files: summary?.totalFilesProcessed ?? null,
    bytes: summary ? Number(summary.totalBytesProcessed) : null,
    bytesAdded: summary ? Number(summary.dataAdded) : null,
  }
}

/** A snapshot of a machine, by its id, in whichever of its repositories it lies. Throws `NOT_FOUND`. */
export async function findRepositoryOf(
  { store, storage }: Services,
  machineId: string,
  snapshotId: string,
  { signal }: Cancellable = {},
): Promise<Row<'repositories'>> {
  const rows = await store.db.selectFrom('repositories').selectAll().where('machineId', '=', machineId).execute()
  if (/^[0-9a-f]{64}$/.test(snapshotId)) {
    for (const repository of rows) {
      const backend = await storage.backend(repository.id)
      const size = await backend.size({ type: 'snapshot', name: snapshotId }, { signal })
      if (size !== undefined) return repository
    }
  }
  throw new ServerError('NOT_FOUND', { what: 'recovery point' })
}
