import { backupPolicySchema } from '#protocol'
import { planSchedule } from '#policy'
import type { CopyDestination, Schedule } from '#policy'
import type { Services } from '../app/services.ts'
import type { Row } from '../store/tables.ts'
import { copyOf, firstReceivedAfter, receivedAfter, setCopy } from './copies.ts'
import type { CopyKey } from './copies.ts'
import { isMeant } from './destinations.ts'

/** A copy that backup policies want. */
export interface WantedCopy extends CopyKey {
  readonly clientId: string
  /** When; empty: after each backup. */
  readonly schedules: readonly Schedule[]
  /** A schedule without earlier copy counts from here, milliseconds since 1970. */
  readonly since: number
}

/** Enters an operation for each copy that is behind and due. One at a time for each copy, however many server nodes look. */
export async function orderDueCopies(services: Services): Promise<void> {
  for (const wanted of await wantedCopies(services)) {
    if (await isDue(services, wanted)) await orderCopy(services, wanted, 'schedule')
  }
}

/** The copies that the policies of approved machines name; of rotated disks those that are plugged in. */
export async function wantedCopies({ store }: Services): Promise<WantedCopy[]> {
  const { db } = store
  const destinations = await db.selectFrom('destinations').selectAll().execute()
  if (destinations.length === 0) return []
  const disks = await db.selectFrom('destinationDisks').selectAll().where('state', 'in', pluggedIn).execute()
  const rows = await db
    .selectFrom('policies')
    .innerJoin('machinePolicies', 'machinePolicies.policyId', 'policies.id')
    .innerJoin('machines', 'machines.id', 'machinePolicies.machineId')
    .innerJoin('repositories', 'repositories.machineId', 'machines.id')
    .select(['policies.document', 'repositories.id as repositoryId', 'repositories.clientId'])
    .where('machines.state', '=', 'approved')
    .execute()
  const wanted = new Map<string, WantedCopy>()
  for (const { document, repositoryId, clientId } of rows) {
    for (const copy of copiesIn(document)) {
      const destination = destinations.find((each) => each.clientId === clientId && isMeant(each, copy.repository))
      if (!destination) continue
      for (const diskId of placesOf(destination, disks)) add(wanted, { destination, repositoryId, diskId }, copy.when)
    }
  }
  return [...wanted.values()]
}

export const pluggedIn = ['updating', 'may be taken away']

function copiesIn(document: string): readonly CopyDestination[] {
  return backupPolicySchema.parse(JSON.parse(document)).to.copies ?? []
}

function placesOf({ id, kind }: Row<'destinations'>, disks: readonly Row<'destinationDisks'>[]): string[] {
  if (kind !== 'disks') return ['']
  return disks.filter(({ destinationId }) => destinationId === id).map((disk) => disk.id)
}

interface Named {
  readonly destination: Row<'destinations'>
  readonly repositoryId: string
  readonly diskId: string
}

function add(wanted: Map<string, WantedCopy>, named: Named, when: Schedule | undefined): void {
  const { destination, repositoryId, diskId } = named
  const key = `${destination.id} ${repositoryId} ${diskId}`
  const before = wanted.get(key)
  // Of two policies the one that wants it sooner counts. A disk is brought up to date while it is there.
  const isAtOnce = when === undefined || diskId !== '' || before?.schedules.length === 0
  wanted.set(key, {
    destinationId: destination.id,
    repositoryId,
    diskId,
    clientId: destination.clientId,
    schedules: isAtOnce ? [] : [...(before?.schedules ?? []), when],
    since: destination.createdAt,
  })
}

/** After somebody has cancelled a copy it is left alone for so long, in milliseconds. */
const afterCancel = 3_600_000

async function isDue(services: Services, wanted: WantedCopy): Promise<boolean> {
  const now = services.clock.now()
  const copy = await copyOf(services, wanted)
  if (!(await receivedAfter(services, wanted.repositoryId, copy?.ledgerSeq ?? 0))) return false
  if (copy && (await isUnderWay(services, copy))) return false
  if (copy && copy.failures > 0) return copy.nextTryAt === null || copy.nextTryAt <= now
  if (wanted.schedules.length === 0) return true
  const last = copy?.completeAt ?? wanted.since
  return wanted.schedules.some((schedule) => {
    const next = planSchedule(schedule, { machine: wanted.repositoryId }).next(last)
    return next !== undefined && next <= now
  })
}

/** Since when a copy should have had what it lacks, in milliseconds since 1970; undefined: it lacks nothing that is due. */
export async function dueSince(services: Services, wanted: WantedCopy): Promise<number | undefined> {
  const copy = await copyOf(services, wanted)
  const lacking = await firstReceivedAfter(services, wanted.repositoryId, copy?.ledgerSeq ?? 0)
  if (!lacking || wanted.schedules.length === 0) return lacking?.at
  const last = copy?.completeAt ?? wanted.since
  const planned = wanted.schedules.flatMap(
    (schedule) => planSchedule(schedule, { machine: wanted.repositoryId }).next(last) ?? [],
  )
  const due = Math.max(Math.min(...planned), lacking.at)
  return due <= services.clock.now() ? due : undefined
}

async function isUnderWay({ store, clock }: Services, { operationId }: Row<'copies'>): Promise<boolean> {
  if (operationId === null) return false
  const operation = await store.db
    .selectFrom('operations')
    .select(['state', 'endedAt'])
    .where('id', '=', operationId)
    .executeTakeFirst()
  if (operation?.state === 'waiting' || operation?.state === 'running') return true
  return operation?.state === 'cancelled' && (operation.endedAt ?? 0) > clock.now() - afterCancel
}

/** A copy that somebody wants now: the one that is under way or waits already, or a new one. */
export async function orderCopyNow(services: Services, wanted: WantedCopy, by: string): Promise<Row<'operations'>> {
  const copy = await copyOf(services, wanted)
  const open = await services.store.db
    .selectFrom('operations')
    .selectAll()
    .where('id', '=', copy?.operationId ?? '')
    .where('state', 'in', ['waiting', 'running'])
    .executeTakeFirst()
  return open ?? (await orderCopy(services, wanted, by))
}

/** Enters the operation; named after the one before it, so that of many who order at once all have the same. */
async function orderCopy(services: Services, wanted: WantedCopy, requestedBy: string): Promise<Row<'operations'>> {
  const { destinationId, repositoryId, diskId, clientId } = wanted
  const copy = await copyOf(services, wanted)
  const operation = await services.operations.create({
    clientId,
    machineId: null,
    kind: 'copy',
    order: { destinationId, repositoryId, diskId },
    requestedBy,
    onceKey: `copy ${destinationId} ${repositoryId} ${diskId} after ${copy?.operationId ?? 'none'}`,
  })
  await setCopy(services, wanted, { operationId: operation.id })
  return operation
}
