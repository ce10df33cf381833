import { lstat, readdir, stat } from 'node:fs/promises'
import { join, parse } from 'node:path'
import { hasCode } from '#base'
import type { strangeDiskSchema } from '#protocol'
import type { z } from 'zod'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import type { Row } from '../store/tables.ts'
import { copyOf, receivedAfter } from './copies.ts'
import { pluggedIn, wantedCopies } from './copy-round.ts'
import type { WantedCopy } from './copy-round.ts'
import { foreignMark, markFile, readMark, writeMark } from './disk-mark.ts'
import { CopyError } from './errors.ts'
import { secretsOf } from './open-place.ts'

/** Rotated disks: each bears a mark, is brought up to date when it is plugged in, and is then free to be taken away. */

type DiskState = 'away' | 'updating' | 'may be taken away' | 'pulled out'
type StrangeDisk = z.input<typeof strangeDiskSchema>

const day = 86_400_000

/** Sees which disks are there, and says what has changed; reminds where none was there for too long. */
export async function lookForDisks(services: Services): Promise<void> {
  const { db } = services.store
  const destinations = await db.selectFrom('destinations').selectAll().where('kind', '=', 'disks').execute()
  if (destinations.length === 0) return
  const wanted = await wantedCopies(services)
  for (const destination of destinations) {
    const { found } = await foldersOf(services, destination)
    for (const disk of await disksOf(services, destination.id)) {
      const folder = found.get(disk.id)
      if (folder === undefined) await noteAbsent(services, destination, disk)
      else await notePresent(services, destination, { ...disk, folder, wanted })
    }
    await remind(services, destination)
  }
}

export async function disksOf({ store }: Services, destinationId: string): Promise<Row<'destinationDisks'>[]> {
  return await store.db
    .selectFrom('destinationDisks')
    .selectAll()
    .where('destinationId', '=', destinationId)
    .orderBy('label')
    .execute()
}

async function noteAbsent(
  services: Services,
  destination: Row<'destinations'>,
  disk: Row<'destinationDisks'>,
): Promise<void> {
  if (!pluggedIn.includes(disk.state)) return
  await setState(services, destination, { ...disk, to: disk.state === 'updating' ? 'pulled out' : 'away' })
}

async function notePresent(
  services: Services,
  destination: Row<'destinations'>,
  { wanted, ...disk }: Row<'destinationDisks'> & { readonly folder: string; readonly wanted: readonly WantedCopy[] },
): Promise<void> {
  const { clock, store } = services
  const now = clock.now()
  const seen = { folder: disk.folder, lastSeenAt: now }
  await store.db.updateTable('destinationDisks').set(seen).where('id', '=', disk.id).execute()
  const own = wanted.filter(({ diskId }) => diskId === disk.id)
  // As long as it was away nothing was wanted of it: the next look knows what is missing on it.
  const isJustSeen = !pluggedIn.includes(disk.state)
  if (isJustSeen || (await isBehind(services, own)))
    return await setState(services, destination, { ...disk, to: 'updating' })
  if (own.length > 0 && disk.state === 'updating') {
    await store.db.updateTable('destinationDisks').set({ completeAt: now }).where('id', '=', disk.id).execute()
  }
  await setState(services, destination, { ...disk, to: 'may be taken away' })
}

async function isBehind(services: Services, wanted: readonly WantedCopy[]): Promise<boolean> {
  for (const each of wanted) {
    const copy = await copyOf(services, each)
    if (copy?.failures || (await receivedAfter(services, each.repositoryId, copy?.ledgerSeq ?? 0))) return true
  }
  return false
}

/** What a copy that failed says of the disk that it was for: is it still there? */
export async function diskAfterFailure(services: Services, disk: Row<'destinationDisks'>): Promise<void> {
  const mark = disk.folder === null ? undefined : await readMark(disk.folder)
  if (mark !== undefined && mark !== foreignMark && mark.disk === disk.id) return
  const destination = await services.store.db
    .selectFrom('destinations')
    .selectAll()
    .where('id', '=', disk.destinationId)
    .executeTakeFirst()
  if (destination) await setState(services, destination, { ...disk, to: 'pulled out' })
}

async function setState(
  { store, clock }: Services,
  { clientId }: Row<'destinations'>,
  { id, to }: { readonly id: string; readonly to: DiskState },
): Promise<void> {
  await store.db.transaction().execute(async (transaction) => {
    const changed = await transaction
      .updateTable('destinationDisks')
      .set({ state: to })
      .where('id', '=', id)
      .where('state', '!=', to)
      .returning('id')
      .executeTakeFirst()
    if (!changed) return
    await transaction.insertInto('events').values({ at: clock.now(), clientId, kind: 'disk', subject: id }).execute()
  })
}

/** Whether none of the disks was there for longer than is wished. */
export function isOverdue(
  { remindAfterDays, createdAt }: Row<'destinations'>,
  disks: readonly Row<'destinationDisks'>[],
  now: number,
): boolean {
  if (remindAfterDays === null) return false
  return now - (lastThere(disks) ?? createdAt) > remindAfterDays * day
}

/** When one of the disks was there last; null: none ever was. */
export function lastThere(disks: readonly Row<'destinationDisks'>[]): number | null {
  const seen = disks.flatMap(({ lastSeenAt }) => lastSeenAt ?? [])
  return seen.length > 0 ? Math.max(...seen) : null
}

async function remind(services: Services, destination: Row<'destinations'>): Promise<void> {
  const { store, clock } = services
  const { id, clientId, remindAfterDays, remindedAt } = destination
  const now = clock.now()
  if (remindAfterDays === null || !isOverdue(destination, await disksOf(services, id), now)) return
  if (remindedAt !== null && now - remindedAt < remindAfterDays * day) return
  await store.db.transaction().execute(async (transaction) => {
    await transaction.updateTable('destinations').set({ remindedAt: now }).where('id', '=', id).execute()
    const event = { at: now, clientId, kind: 'disk-reminder', subject: id }
    await transaction.insertInto('events').values(event).execute()
  })
}

export interface NewDisk {
  readonly folder: string
  readonly label: string
  /** Who adopts it. */
  readonly by: string
}

/**
 * Makes a disk that is plugged in one of a destination's, by a mark in its folder: until a person has done this nothing is
 * written to it. Throws `DISK_NOT_FOUND`, `DISK_MARKED`, `DISK_IS_SERVERS`.
 */
export async function adoptDisk(
  services: Services,
  destination: Row<'destinations'>,
  { folder, label, by }: NewDisk,
): Promise<Row<'destinationDisks'>> {
  const pattern = patternOf(services, destination)
  if (!(await foldersLike(pattern)).includes(folder)) throw new CopyError('DISK_NOT_FOUND', { folder, pattern })
  if ((await readMark(folder)) !== undefined) {
    throw new CopyError('DISK_MARKED', { folder, owner: 'a destination', file: markFile })
  }
  const [there, ours] = await Promise.all([stat(folder), stat(services.folder)])
  if (there.dev === ours.dev) throw new CopyError('DISK_IS_SERVERS', { folder })
  const { disk: id } = await writeMark(folder, destination.id)
  const now = services.clock.now()
  return await services.store.db
    .insertInto('destinationDisks')
    .values({
      id,
      destinationId: destination.id,
      label,
      state: 'updating' satisfies DiskState,
      folder,
      adoptedBy: by,
      createdAt: now,
      lastSeenAt: now,
      completeAt: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Forgets a disk that is lost or worn out. What is on it stays. Throws `NOT_FOUND`. */
export async function retireDisk(
  { store }: Services,
  destinationId: string,
  id: string,
): Promise<Row<'destinationDisks'>> {
  return await store.db.transaction().execute(async (transaction) => {
    const gone = await transaction
      .deleteFrom('destinationDisks')
      .where('id', '=', id)
      .where('destinationId', '=', destinationId)
      .returningAll()
      .executeTakeFirst()
    if (!gone) throw new ServerError('NOT_FOUND', { what: 'disk' })
    for (const table of ['copies', 'copyCare'] as const) {
      await transaction.deleteFrom(table).where('destinationId', '=', destinationId).where('diskId', '=', id).execute()
    }
    return gone
  })
}

/** The folders at which disks of a destination are, by disk, and those that are no disks of its. */
export async function foldersOf(
  services: Services,
  destination: Row<'destinations'>,
): Promise<{ readonly found: ReadonlyMap<string, string>; readonly strange: readonly StrangeDisk[] }> {
  const known = new Set((await disksOf(services, destination.id)).map(({ id }) => id))
  const found = new Map<string, string>()
  const [strange, twice]: [StrangeDisk[], Set<string>] = [[], new Set()]
  for (const folder of await foldersLike(patternOf(services, destination))) {
    const mark = await readMark(folder)
    if (mark === undefined) strange.push({ folder, what: 'unmarked' })
    else if (mark === foreignMark || mark.destination !== destination.id || !known.has(mark.disk)) {
      strange.push({ folder, what: 'of another destination' })
    } else if (found.has(mark.disk)) twice.add(mark.disk)
    else found.set(mark.disk, folder)
  }
  // Of a disk and its clone nobody can say which is which.
  for (const id of twice) found.delete(id)
  return { found, strange }
}

function patternOf(services: Services, destination: Row<'destinations'>): string {
  if (destination.kind !== 'disks') {
    throw new CopyError('DESTINATION_INVALID', { reason: 'it is not one of rotated disks' })
  }
  return secretsOf(services, destination).location
}

/** Folders whose path is like the pattern: `*` stands for any part of a name. Links are not followed. */
async function foldersLike(pattern: string): Promise<string[]> {
  const { root } = parse(pattern)
  let found = [root]
  for (const part of pattern
    .slice(root.length)
    .split('/')
    .filter((each) => each !== '')) {
    const next = await Promise.all(found.map(async (folder) => await below(folder, part)))
    found = next.flat().slice(0, mostFolders)
  }
  return found
}

const mostFolders = 1_000

async function below(folder: string, part: string): Promise<string[]> {
  try {
    const names = part.includes('*') ? (await readdir(folder)).filter((name) => isLike(name, part)) : [part]
    const paths = names.toSorted().map((name) => join(folder, name))
    const kept = await Promise.all(paths.map(async (path) => (await isFolder(path)) && path))
    return kept.filter((path) => path !== false)
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EIO'].some((code) => hasCode(thrown, code))) return []
    throw thrown
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/** One `*` in a part at most (`createDestination` sees to it). */
function isLike(name: string, part: string): boolean {
  const [start = '', end = ''] = part.split('*')
  const isLong = name.length >= start.length + end.length
  return isLong && !name.startsWith('.') && name.startsWith(start) && name.endsWith(end)
}
