import type { ReceivedSnapshot } from '#policy'
import { loadSnapshots } from '#repository'
import type { NamedSnapshot, Repository } from '#repository'
import type { Cancellable } from '#base'
import type { Services } from '../app/services.ts'
import { readSafety } from '../approvals/settings.ts'
import { ServerError } from '../errors.ts'
import { policiesOf } from '../fleet/policies.ts'
import type { StoredPolicy } from '../fleet/policies.ts'
import { shouldBeThere } from '../records/ledger.ts'
import type { LedgerFindings, LedgerSnapshot } from '../records/ledger.ts'
import type { Row } from '../store/tables.ts'
import { RetentionError } from './errors.ts'

const day = 86_400_000

/** What retention is about: a repository, and the policies that its machine follows. */
export interface RetentionSubject {
  readonly repository: Row<'repositories'>
  readonly policies: readonly StoredPolicy[]
}

/** Throws `NOT_FOUND`. */
export async function loadSubject(services: Services, repositoryId: string): Promise<RetentionSubject> {
  const repository = await services.store.db
    .selectFrom('repositories')
    .selectAll()
    .where('id', '=', repositoryId)
    .executeTakeFirst()
  if (!repository) throw new ServerError('NOT_FOUND', { what: 'repository' })
  const { machineId } = repository
  return { repository, policies: machineId === null ? [] : await policiesOf(services, machineId) }
}

export interface ListedSnapshots {
  /** Received by the server, there, and readable: what retention decides about. */
  readonly received: readonly ReceivedSnapshot[]
  /** How many a person had put back, less long ago than what is removed can be: they stay, and take no place of another. */
  readonly putBack: number
  /** In the storage, whatever they are. */
  readonly listed: number
  /** Ids of those that cannot be read. They stay. */
  readonly damaged: readonly string[]
  /** In the storage, and not received by the server, or removed before. They stay. */
  readonly foreign: readonly string[]
}

/**
 * The snapshots of a repository, as the ledger knows them. Throws `LEDGER_DISAGREES` when one is missing: in a storage that
 * hides a snapshot a prune would remove what only that one needs. Throws `LEDGER_BROKEN`.
 */
export async function listSnapshots(
  services: Services,
  repository: Repository,
  { subject, signal }: { readonly subject: RetentionSubject } & Cancellable,
): Promise<ListedSnapshots> {
  const { ledger } = services
  const { id, name } = subject.repository
  const { fault } = await ledger.verify(id)
  if (fault) throw new RetentionError('LEDGER_BROKEN', { name, seq: fault.seq })
  const ids = new Set<string>()
  for await (const file of repository.backend.list('snapshot', { signal })) ids.add(file.name)
  const findings = await ledger.compare(id, ids)
  if (findings.missing.length > 0) throw new RetentionError('LEDGER_DISAGREES', { name, what: inWords(findings) })
  const damaged: string[] = []
  const snapshots = await loadSnapshots(repository, { signal, onDamaged: (one) => damaged.push(one) })
  const known = await ledger.snapshots(id)
  const isThere = snapshots.filter((snapshot) => {
    const entry = known.get(snapshot.id)
    return entry !== undefined && shouldBeThere(entry)
  })
  const isWanted = await putBackSince(services)
  const putBack = snapshots.filter((snapshot) => isWanted(known.get(snapshot.id)))
  return {
    received: await receivedAs(services, subject.repository, isThere, (snapshot) => snapshot.id),
    damaged,
    putBack: putBack.length,
    listed: ids.size,
    foreign: [...findings.returned, ...findings.unknown],
  }
}

/**
 * Snapshots as the server received them, under the id that the ledger knows each by. Left out are those that it never received,
 * and what a person had put back not long ago.
 */
export async function receivedAs(
  services: Services,
  { id: repositoryId, machineId }: Row<'repositories'>,
  snapshots: readonly NamedSnapshot[],
  idInLedger: (snapshot: NamedSnapshot) => string,
): Promise<ReceivedSnapshot[]> {
  const known = await services.ledger.snapshots(repositoryId)
  const good = await goodSnapshots(services, machineId)
  const isWanted = await putBackSince(services)
  return snapshots.flatMap((snapshot) => {
    const id = idInLedger(snapshot)
    const entry = known.get(id)
    if (!entry || isWanted(entry)) return []
    const isSuspect = entry.suspectBecause !== undefined
    return [{ ...describe(snapshot), received: entry.receivedAt, suspect: isSuspect, good: good.has(id) }]
  })
}

/** What a person wanted back is not removed again in the next night. */
async function putBackSince({ store, clock }: Services) {
  const { softDeleteDays } = await readSafety(store.db)
  const since = clock.now() - softDeleteDays * day
  return (entry: LedgerSnapshot | undefined) => (entry?.putBackAt ?? -Infinity) > since
}

function describe({ id, time, hostname, paths, tags }: NamedSnapshot) {
  const claimed = Date.parse(time)
  return { id, claimed: Number.isNaN(claimed) ? undefined : claimed, hostname, paths, tags }
}

/** Snapshots of runs in which everything could be read. */
async function goodSnapshots({ store }: Services, machineId: string | null): Promise<ReadonlySet<string>> {
  if (machineId === null) return new Set()
  const runs = await store.db
    .selectFrom('operations')
    .select('result')
    .where('machineId', '=', machineId)
    .where('kind', '=', 'backup')
    .where('state', '=', 'done')
    .execute()
  const ids = runs.map(({ result }) => (JSON.parse(result ?? '{}') as { readonly snapshotId?: unknown }).snapshotId)
  return new Set(ids.filter((id) => typeof id === 'string'))
}

/** `3 snapshots are missing (1a2b3c4d5e, …)`. */
export function inWords({ missing, returned, unknown }: LedgerFindings): string {
  const parts = [
    wordsFor(missing, 'missing'),
    wordsFor(returned, 'there again although they were removed'),
    wordsFor(unknown, 'there although the server never received them'),
  ]
  return parts.filter((part) => part !== '').join('; ')
}

const mostNamed = 3

function wordsFor(ids: readonly string[], what: string): string {
  if (ids.length === 0) return ''
  const named = ids.slice(0, mostNamed).map((id) => id.slice(0, 10))
  const count = ids.length === 1 ? 'one snapshot is' : `${ids.length} snapshots are`
  return `${count} ${what} (${named.join(', ')}${ids.length > mostNamed ? ', …' : ''})`
}
