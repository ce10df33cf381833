import { hash } from 'node:crypto'
import type { Services } from '../app/services.ts'
import { readSafety } from '../approvals/settings.ts'
import { hasSnapshots } from './care.ts'
import { clockDoubt } from './clock-doubt.ts'

/** What the server plans by itself for the repositories that it keeps: each is an operation, so often in a day. */

const hour = 3_600_000
const day = 24 * hour
/** Over how long the runs of a day are spread, so that a thousand repositories do not begin at midnight. */
const spread = 4 * hour
/** How often a run that met a backup is made again on its day. */
const mostTries = 8

/** Retention, for every repository whose password the server has and whose machine follows a policy. */
export async function planRetentionRuns(services: Services): Promise<void> {
  const { store, clock } = services
  const repositories = await store.db
    .selectFrom('repositories')
    .innerJoin('clients', 'clients.id', 'repositories.clientId')
    .leftJoin('repositoryCare', 'repositoryCare.repositoryId', 'repositories.id')
    .select(['repositories.id', 'repositories.clientId'])
    .where('repositories.sealedPassword', 'is not', null)
    .where('repositories.held', '=', 0)
    .where('repositoryCare.deletedAt', 'is', null)
    .where('clients.state', '=', 'normal')
    .where((where) => hasSnapshots(where))
    .where((where) =>
      where.exists(
        where
          .selectFrom('machinePolicies')
          .select('machinePolicies.machineId')
          .whereRef('machinePolicies.machineId', '=', 'repositories.machineId'),
      ),
    )
    .execute()
  const today = dayOf(clock.now())
  const tries = await triesOf(services, today)
  for (const { id, clientId } of repositories) {
    const before = tries.get(id) ?? []
    const isOpen = before.every(({ code }) => code === 'REPOSITORY_LOCKED')
    if (!isOpen || before.length >= mostTries) continue
    const key = `retention ${today} ${id}${before.length > 0 ? ` try ${before.length + 1}` : ''}`
    await enter(services, { kind: 'retention', id, clientId, key, wait: before.length === 0 ? spreadOf(id) : hour })
  }
}

/** The runs of a day that there are already, by repository. */
async function triesOf({ store }: Services, today: string) {
  const rows = await store.db
    .selectFrom('operations')
    .select(['onceKey', 'code'])
    .where('onceKey', 'like', `retention ${today} %`)
    .execute()
  return Map.groupBy(rows, ({ onceKey }) => onceKey?.split(' ')[2] ?? '')
}

/** The round by which the server shows that somebody looks at the repositories. */
export const ledgerRound = 'plan ledger checks'

/**
 * Whether the storage holds what was received, and how large it is, every six hours, for every repository, also those whose
 * password the client keeps.
 */
export async function planLedgerChecks(services: Services): Promise<void> {
  const now = services.clock.now()
  const quarter = `${dayOf(now)} ${Math.floor((now % day) / (6 * hour))}`
  const known = await keysOf(services, `ledger-check ${quarter} %`)
  for (const { id, clientId } of await allRepositories(services)) {
    const key = `ledger-check ${quarter} ${id}`
    if (!known.has(key)) await enter(services, { kind: 'ledger-check', id, clientId, key, wait: spreadOf(id) })
  }
}

/** The end of what was set aside long enough ago: at once, while machines are there that confirm the clock. */
export async function planPurges(services: Services): Promise<void> {
  const { store, clock } = services
  const now = clock.now()
  const { softDeleteDays } = await readSafety(store.db)
  if ((await clockDoubt(services)) !== undefined) return
  const known = await keysOf(services, `purge ${dayOf(now)} %`)
  for (const { id, clientId, state, held, softDeletedSince } of await allRepositories(services)) {
    if (state !== 'normal' || held !== 0 || softDeletedSince === null) continue
    if (Date.parse(softDeletedSince) + day + softDeleteDays * day > now) continue
    const key = `purge ${dayOf(now)} ${id}`
    if (!known.has(key)) await enter(services, { kind: 'purge', id, clientId, key, wait: 0 })
  }
}

async function allRepositories({ store }: Services) {
  return await store.db
    .selectFrom('repositories')
    .innerJoin('clients', 'clients.id', 'repositories.clientId')
    .leftJoin('repositoryCare', 'repositoryCare.repositoryId', 'repositories.id')
    .select([
      'repositories.id',
      'repositories.clientId',
      'repositories.held',
      'clients.state',
      'repositoryCare.softDeletedSince',
    ])
    .execute()
}

async function keysOf({ store }: Services, pattern: string): Promise<ReadonlySet<string | null>> {
  const rows = await store.db.selectFrom('operations').select('onceKey').where('onceKey', 'like', pattern).execute()
  return new Set(rows.map(({ onceKey }) => onceKey))
}

interface Planned {
  readonly kind: string
  readonly id: string
  readonly clientId: string
  readonly key: string
  /** Milliseconds from now; but not into the next day, which has runs of its own. */
  readonly wait: number
}

async function enter({ operations, clock }: Services, { kind, id, clientId, key, wait }: Planned): Promise<void> {
  const now = clock.now()
  await operations.create({
    clientId,
    machineId: null,
    kind,
    order: { repository: id },
    requestedBy: 'schedule',
    onceKey: key,
    runAt: Math.min(now + wait, Date.parse(dayOf(now)) + day - 1),
  })
}

/** The same for a repository each day, and spread over all of them. */
function spreadOf(id: string): number {
  return Number.parseInt(hash('sha256', id).slice(0, 8), 16) % spread
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}
