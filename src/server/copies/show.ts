import { destinationSchema, tamperTestSchema } from '#protocol'
import type { z } from 'zod'
import type { Services } from '../app/services.ts'
import type { Row } from '../store/tables.ts'
import { formatMoment, formatMomentOrNull } from '../time.ts'
import { receivedAfter } from './copies.ts'
import { placeOf, shownLocation } from './destinations.ts'
import { disksOf, isOverdue } from './disks.ts'

type Shown = z.input<typeof destinationSchema>

/** A destination as the API shows it: with its copies and disks, and without its secrets. */
export async function showDestination(services: Services, destination: Row<'destinations'>): Promise<Shown> {
  const { id, clientId, name, kind, lockDays, objectLock, remindAfterDays, tamperTest, createdAt } = destination
  const copies = await services.store.db
    .selectFrom('copies')
    .innerJoin('repositories', 'repositories.id', 'copies.repositoryId')
    .selectAll('copies')
    .select('repositories.machineId')
    .where('destinationId', '=', id)
    .orderBy('repositoryId')
    .execute()
  const disks = await disksOf(services, id)
  return {
    id,
    clientId,
    name,
    kind: destinationSchema.shape.kind.parse(kind),
    location: shownLocation(services, destination),
    hasCredentials: destination.sealedCredentials !== null,
    hasOwnPassword: destination.sealedPassword !== null,
    ...placeOf(destination),
    lockDays,
    objectLock,
    remindAfterDays,
    createdAt: formatMoment(createdAt),
    copies: await Promise.all(copies.map(async (copy) => await showCopy(services, copy))),
    disks: disks.map(showDisk),
    disksOverdue: isOverdue(destination, disks, services.clock.now()),
    tamperTest: tamperTest === null ? null : tamperTestSchema.parse(JSON.parse(tamperTest)),
  }
}

type CopyRow = Row<'copies'> & { readonly machineId: string | null }

async function showCopy(services: Services, copy: CopyRow): Promise<Shown['copies'][number]> {
  const { repositoryId, machineId, diskId, snapshots, failures, reason, ledgerSeq } = copy
  return {
    repositoryId,
    machineId,
    diskId: diskId === '' ? null : diskId,
    snapshots,
    newestReceivedAt: formatMomentOrNull(copy.newestAt),
    completeAt: formatMomentOrNull(copy.completeAt),
    isBehind: (await receivedAfter(services, repositoryId, ledgerSeq)) !== undefined,
    failures,
    reason,
    nextTryAt: formatMomentOrNull(copy.nextTryAt),
    lockedUntil: formatMomentOrNull(copy.lockedUntil),
  }
}

export function showDisk(disk: Row<'destinationDisks'>): Shown['disks'][number] {
  return {
    id: disk.id,
    label: disk.label,
    state: destinationSchema.shape.disks.element.shape.state.parse(disk.state),
    folder: disk.folder,
    lastSeenAt: formatMomentOrNull(disk.lastSeenAt),
    completeAt: formatMomentOrNull(disk.completeAt),
    createdAt: formatMoment(disk.createdAt),
  }
}
