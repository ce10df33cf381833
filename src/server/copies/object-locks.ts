import { forEachConcurrent, messageOf } from '#base'
import type { Cancellable } from '#base'
import { ObjectLock } from '#backend'
import type { FileRef, FileType, S3Options } from '#backend'
import { idSchema } from '#protocol'
import { idToHex, loadIndex, openRepository } from '#repository'
import type { IndexedRepository } from '#repository'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import type { Row } from '../store/tables.ts'
import { serverJob } from '../work/job.ts'
import { copyOf, setCopy } from './copies.ts'
import type { CopyKey } from './copies.ts'
import { passwordOfCopy } from './copy-password.ts'
import { destinationOf } from './destinations.ts'
import { openReached, reachDestination } from './open-place.ts'

/**
 * Object lock at a destination in S3: what is written is locked for so many days, and what a copy still needs is locked anew when
 * half of that is over, so that at any moment nobody can delete any of it for at least that half.
 */

const day = 86_400_000

const sentences = {
  has: 'The bucket has object lock: what is written there is locked.',
  hasNot:
    'The bucket has no object lock: whoever has the keys can delete what lies there. It can be switched on with the provider.',
}

/** Asks the bucket and keeps what it says: a sentence. What is known of it a bucket that does not answer takes nothing from. */
export async function askObjectLock(
  services: Services,
  destination: Row<'destinations'>,
  options: Cancellable = {},
): Promise<string> {
  const said = await askBucket(services, destination, options).catch((thrown: unknown) => {
    options.signal?.throwIfAborted()
    return `Whether the bucket has object lock is not known: ${messageOf(thrown)}`
  })
  const known: readonly string[] = Object.values(sentences)
  const update = services.store.db
    .updateTable('destinations')
    .set({ objectLock: said })
    .where('id', '=', destination.id)
  const isNews = known.includes(said)
  await (isNews ? update : update.where((where) => where('objectLock', 'is distinct from', sentences.has))).execute()
  return said
}

async function askBucket(services: Services, destination: Row<'destinations'>, options: Cancellable): Promise<string> {
  await using reached = await reachDestination(services, destination, { below: destination.id })
  if (reached.location.scheme !== 's3') return sentences.hasNot
  using lock = new ObjectLock(reached.location, reached.options)
  return (await lock.isEnabled(options)) ? sentences.has : sentences.hasNot
}

/** How files are written at a destination: locked, where that is wished and the bucket can. */
export async function lockOptions(
  services: Services,
  destination: Row<'destinations'>,
  options: Cancellable = {},
): Promise<S3Options> {
  const { kind, lockDays } = destination
  if (kind !== 's3' || lockDays === null) return {}
  await askObjectLock(services, destination, options)
  const { objectLock } = await destinationOf(services, destination.id)
  return objectLock === sentences.has ? { lock: { days: lockDays } } : {}
}

export async function lockStateOf(services: Services, { id }: Row<'destinations'>, key: CopyKey) {
  const { objectLock } = await destinationOf(services, id)
  return { objectLock, lockedUntil: (await copyOf(services, key))?.lockedUntil ?? null }
}

/**
 * From when on everything in a copy is locked, noted before its first file is written: later ones are locked for longer. Undefined
 * for one that is begun without locks: it counts as locked when its locks were renewed.
 */
export function lockedFromBeginning({ clock }: Services, { lock }: S3Options): number | undefined {
  return lock && clock.now() + lock.days * day
}

/** Locks anew everything that a copy needs. */
export const renewLocksJob = serverJob({
  kind: 'renew-locks',
  lane: 'copies',
  order: z.object({ destinationId: idSchema, repositoryId: idSchema }),
  async run({ destinationId, repositoryId }, { services, signal, report }) {
    const destination = await destinationOf(services, destinationId)
    const repository = await services.store.db
      .selectFrom('repositories')
      .selectAll()
      .where('id', '=', repositoryId)
      .executeTakeFirstOrThrow()
    const said = await askObjectLock(services, destination, { signal })
    const { lockDays } = destination
    if (said !== sentences.has || lockDays === null)
      return { state: 'failed', reason: said, code: 'OBJECT_LOCK_MISSING' }
    const until = services.clock.now() + lockDays * day
    await using reached = await reachDestination(services, destination, { below: repositoryId })
    await using opened = openReached(reached)
    using target = await openRepository(opened.backend, {
      password: passwordOfCopy(services, destination, repository),
      signal,
    })
    const files = await neededFiles(await loadIndex(target, { signal }), { signal })
    if (reached.location.scheme !== 's3') throw new Error('not in S3') // `lockDays` is for S3 only
    using lock = new ObjectLock(reached.location, reached.options)
    let done = 0
    const extend = async (file: FileRef) => {
      await lock.extend(file, until, { signal })
      report({ step: 'lock', unit: 'steps', done: ++done, total: files.length })
    }
    await forEachConcurrent(files, extend, { concurrency: opened.backend.connections, signal })
    await setCopy(services, { destinationId, repositoryId, diskId: '' }, { lockedUntil: until })
    return { state: 'done', result: { files: files.length, lockedUntil: until } }
  },
})

const allNeeded: readonly FileType[] = ['config', 'key', 'index', 'snapshot']

/** All files that a repository needs; packs that no index names are nobody's any more. */
async function neededFiles(repository: IndexedRepository, { signal }: Cancellable): Promise<FileRef[]> {
  const { index, backend } = repository
  const files: FileRef[] = []
  for (const type of allNeeded) for await (const { name } of backend.list(type, { signal })) files.push({ type, name })
  for (let pack = 0; pack < index.packCount; pack++) files.push({ type: 'pack', name: idToHex(index.packName(pack)) })
  return files
}

/** The round: enters the renewal of each copy of which half the time is over; a day later again if it failed. */
export async function orderRenewals({ store, operations, clock }: Services): Promise<void> {
  const now = clock.now()
  const rows = await store.db
    .selectFrom('copies')
    .innerJoin('destinations', 'destinations.id', 'copies.destinationId')
    .select([
      'copies.destinationId',
      'copies.repositoryId',
      'copies.lockedUntil',
      'destinations.lockDays',
      'destinations.clientId',
    ])
    .where('copies.completeAt', 'is not', null)
    .where('destinations.objectLock', '=', sentences.has)
    .where('destinations.lockDays', 'is not', null)
    .execute()
  for (const { destinationId, repositoryId, clientId, lockedUntil, lockDays } of rows) {
    if ((lockedUntil ?? 0) - now > ((lockDays ?? 0) * day) / 2) continue
    await operations.create({
      clientId,
      machineId: null,
      kind: 'renew-locks',
      order: { destinationId, repositoryId },
      requestedBy: 'schedule',
      onceKey: `renew-locks ${destinationId} ${repositoryId} ${Math.floor(now / day)}`,
    })
  }
}
