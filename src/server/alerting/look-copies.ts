import { tamperAttemptSchema, tamperTestSchema } from '#protocol'
import { z } from 'zod'
import type { ClientRef, CopyView, DestinationRef, DisksView, TamperView } from '../alerts/index.ts'
import type { Services } from '../app/services.ts'
import { copyOf } from '../copies/copies.ts'
import { dueSince, wantedCopies } from '../copies/copy-round.ts'
import { placeOf } from '../copies/destinations.ts'
import { disksOf, lastThere } from '../copies/disks.ts'
import type { Row } from '../store/tables.ts'

const day = 86_400_000

type Clients = ReadonlyMap<string, ClientRef>

/** The copies that backup policies want; of rotated disks those that are plugged in. */
export async function lookAtCopies(services: Services, clients: Clients): Promise<CopyView[]> {
  const wanted = await wantedCopies(services)
  if (wanted.length === 0) return []
  const { db } = services.store
  const known = new Map((await destinations(services)).map((row) => [row.id, refOf(row, clients)]))
  const repositories = await db.selectFrom('repositories').select(['id', 'name']).execute()
  const names = new Map(repositories.map(({ id, name }) => [id, name]))
  const running = await db.selectFrom('operations').select('id').where('state', '=', 'running').execute()
  const views: CopyView[] = []
  for (const each of wanted) {
    const destination = known.get(each.destinationId)
    if (!destination) continue
    const copy = await copyOf(services, each)
    views.push({
      id: [each.repositoryId, each.diskId].filter((part) => part !== '').join(' '),
      destination,
      repository: names.get(each.repositoryId) ?? each.repositoryId,
      dueSince: await dueSince(services, each),
      lastComplete: copy?.completeAt ?? null,
      reason: copy && copy.failures > 0 ? copy.reason : null,
      isRunning: running.some(({ id }) => id === copy?.operationId),
    })
  }
  return views
}

/** Rotated disks of which somebody wishes to be reminded. */
export async function lookAtDisks(services: Services, clients: Clients): Promise<DisksView[]> {
  const views: DisksView[] = []
  for (const row of await destinations(services)) {
    const { id, kind, remindAfterDays, createdAt: since } = row
    const destination = refOf(row, clients)
    if (kind !== 'disks' || remindAfterDays === null || !destination) continue
    const lastSeen = lastThere(await disksOf(services, id))
    views.push({ destination, lastSeen, since, remindAfter: remindAfterDays * day })
  }
  return views
}

/** The last tamper test of each place that is said to keep what it has: destinations, and the repositories of machines here. */
export async function lookAtTampering(services: Services, clients: Clients): Promise<TamperView[]> {
  const elsewhere = (await destinations(services)).flatMap((row): TamperView[] => {
    const destination = refOf(row, clients)
    if (!destination || row.tamperTest === null || placeOf(row).deletableBy.writer) return []
    const { at, attempts } = tamperTestSchema.parse(JSON.parse(row.tamperTest))
    const isRefused = attempts.every(({ refused }) => refused)
    return [{ subject: { type: 'destination', ...destination }, by: 'writer', testedAt: Date.parse(at), isRefused }]
  })
  return [...elsewhere, ...(await lookAtOwnRepositories(services, clients))]
}

const measuredSchema = z.object({ attempts: z.array(tamperAttemptSchema) })

async function lookAtOwnRepositories({ store, clock }: Services, clients: Clients): Promise<TamperView[]> {
  const newest = await store.db
    .selectFrom('evidence')
    .innerJoin('repositories', 'repositories.id', 'evidence.repositoryId')
    .select(['repositories.id', 'repositories.name', 'repositories.clientId', 'measured', 'measuredAt'])
    .where('evidence.kind', '=', 'tamper-test')
    .where('holdsUntil', '>', clock.now())
    .where((where) =>
      where(
        'measuredAt',
        '=',
        where
          .selectFrom('evidence as other')
          .select(({ fn }) => fn.max('other.measuredAt').as('measuredAt'))
          .where('other.kind', '=', 'tamper-test')
          .whereRef('other.repositoryId', '=', 'evidence.repositoryId'),
      ),
    )
    .execute()
  return newest.flatMap(({ measured, measuredAt: testedAt, ...row }): TamperView[] => {
    const repository = refOf(row, clients)
    const { attempts } = measuredSchema.parse(JSON.parse(measured))
    const isRefused = attempts.every(({ refused }) => refused)
    return repository ? [{ subject: { type: 'repository', ...repository }, by: 'machine', testedAt, isRefused }] : []
  })
}

async function destinations({ store }: Services): Promise<readonly Row<'destinations'>[]> {
  return await store.db.selectFrom('destinations').selectAll().execute()
}

type Named = Pick<Row<'destinations'>, 'id' | 'name' | 'clientId'>

function refOf({ id, name, clientId }: Named, clients: Clients): DestinationRef | undefined {
  const client = clients.get(clientId)
  return client && { id, name, client }
}
