import { hasCode, messageOf } from '#base'
import type { Cancellable } from '#base'
import type { S3Options } from '#backend'
import {
  chooseForCopy,
  copySnapshots,
  initRepository,
  loadIndex,
  loadSnapshots,
  lockRepository,
  openRepository,
} from '#repository'
import type { HeldLock, IndexedRepository, NamedSnapshot, Repository } from '#repository'
import type { Progress } from '#protocol'
import type { Services } from '../app/services.ts'
import { openOwnRepository } from '../repositories/open-repository.ts'
import type { Row } from '../store/tables.ts'
import { copyOf, setCopy } from './copies.ts'
import type { CopyKey } from './copies.ts'
import { passwordOfCopy } from './copy-password.ts'
import { requireMark } from './disk-mark.ts'
import { CopyError } from './errors.ts'
import { lockedFromBeginning, lockOptions } from './object-locks.ts'
import { notCopied } from './plan-copy.ts'
import { openReached, reachDestination } from './open-place.ts'
import { ProvenBackend } from './proven-backend.ts'
import { requirePacks } from './require-packs.ts'
import type { ProvenCounts } from './proven-backend.ts'

export interface CopyTask {
  readonly destination: Row<'destinations'>
  readonly repository: Row<'repositories'>
  /** Of a destination of rotated disks: the one that is plugged in. */
  readonly disk: Row<'destinationDisks'> | undefined
}

export interface CopyWork extends Cancellable {
  readonly report?: (progress: Progress) => void
}

export interface Copied {
  /** Snapshots that were copied now, and that the copy has now. */
  readonly copied: number
  readonly snapshots: number
  /** Snapshots that the copy had, and that were not there any more when this began. */
  readonly lost: number
  /** Files and bytes that were read back from the place and were what had been written. */
  readonly proven: ProvenCounts
  /** Snapshots that cannot be copied, each with its reason. */
  readonly problems: readonly string[]
}

const threads = 2
/** How long to wait for whoever prunes, in milliseconds. */
const lockWait = 10 * 60_000

export function keyOf({ destination, repository, disk }: CopyTask): CopyKey {
  return { destinationId: destination.id, repositoryId: repository.id, diskId: disk?.id ?? '' }
}

/**
 * Brings the copy of a repository up to date: open the source → open the copy, or make it → see that all packs are there that
 * it has → copy each snapshot that is not there → each file is read back as it arrives → see that all snapshots are there. The copy cuts files where the source does, so that
 * backups could go on into it, and stock restic opens it.
 * Throws `CopyError`s, `REPOSITORY_PASSWORD_KEPT`, and what the storages throw.
 */
export async function copyRepository(services: Services, task: CopyTask, work: CopyWork = {}): Promise<Copied> {
  const { destination, repository, disk } = task
  const { signal } = work
  using source = await openOwnRepository(services, repository.id, { signal })
  const s3 = await lockOptions(services, destination, { signal })
  const place = { below: repository.id, s3, ...(disk && { folder: disk.folder ?? '' }) }
  await using opened = openReached(await reachDestination(services, destination, place))
  const beforeWrite = disk ? async () => await requireMark(disk) : undefined
  const backend = new ProvenBackend(opened.backend, beforeWrite)
  using target = await openCopy(services, task, { backend, source, s3, signal })
  await using sourceLock = await lockRepository(source, { signal, retryFor: lockWait })
  await using lock = await lockRepository(target, { signal: sourceLock.signal, retryFor: lockWait })
  return await copyBetween(
    services,
    task,
    { source, target, lock },
    { ...work, signal: lock.signal, proven: backend.proven },
  )
}

interface OpenCopyOptions extends Cancellable {
  readonly backend: ProvenBackend
  readonly source: Repository
  /** How its files are written. */
  readonly s3: S3Options
}

async function openCopy(
  services: Services,
  task: CopyTask,
  { backend, source, s3, signal }: OpenCopyOptions,
): Promise<Repository> {
  const { destination, repository } = task
  const names = { name: destination.name, repository: repository.name }
  const known = (await copyOf(services, keyOf(task)))?.configId ?? null
  const password = passwordOfCopy(services, destination, repository)
  let copy: Repository
  try {
    copy = await openRepository(backend, { password, signal })
  } catch (thrown) {
    if (!hasCode(thrown, 'REPOSITORY_NOT_FOUND')) throw thrown
    // One that was there is not made anew without a word.
    if (known !== null) throw new CopyError('COPY_GONE', { ...names, cause: thrown })
    const lockedUntil = lockedFromBeginning(services, s3)
    if (lockedUntil !== undefined) await setCopy(services, keyOf(task), { lockedUntil })
    copy = await initRepository(backend, { password, polynomial: source.polynomial, signal })
  }
  if (known !== null && copy.config.id !== known) throw new CopyError('COPY_FOREIGN', names)
  if (known === null) await setCopy(services, keyOf(task), { configId: copy.config.id })
  return copy
}

interface Between {
  readonly source: Repository
  readonly target: Repository
  readonly lock: HeldLock
}

async function copyBetween(
  services: Services,
  task: CopyTask,
  { source, target, lock }: Between,
  { signal, report, proven }: CopyWork & { readonly proven: ProvenCounts },
): Promise<Copied> {
  const problems: string[] = []
  const damaged = (id: string, error: Error) => void problems.push(`${id.slice(0, 8)}: ${messageOf(error)}`)
  const all = await loadSnapshots(source, { signal, onDamaged: damaged })
  const before = await loadSnapshots(target, { signal })
  const passed = await notCopied(services, all, task)
  const { toCopy } = chooseForCopy(
    all.filter(({ id }) => !passed.has(id)),
    before,
  )
  const names = { name: task.destination.name, repository: task.repository.name }
  const into = await loadIndex(target, { signal })
  await requirePacks(into, { ...names, signal })
  const known = (await copyOf(services, keyOf(task)))?.snapshots ?? 0
  const copied = await copyNew(toCopy, { source, into, lock }, { signal, report, onDamaged: damaged, names })
  const snapshots = before.length + copied
  // While nobody can thin it: who counts what is there later holds it against this.
  await setCopy(services, keyOf(task), { snapshots })
  return { copied, snapshots, lost: Math.max(0, known - before.length), proven, problems }
}

interface NewOnes extends Cancellable {
  readonly report: CopyWork['report'] | undefined
  readonly names: { readonly name: string; readonly repository: string }
  readonly onDamaged: (id: string, error: Error) => void
}

/** How many could be copied. Throws `COPY_SNAPSHOT_MISSING`. */
async function copyNew(
  snapshots: readonly NamedSnapshot[],
  { source, into, lock }: Pick<Between, 'source' | 'lock'> & { readonly into: IndexedRepository },
  { signal, report, onDamaged, names }: NewOnes,
): Promise<number> {
  if (snapshots.length === 0) return 0
  const from = await loadIndex(source, { signal })
  const left = new Set<NamedSnapshot>()
  let [done, total] = [0, 0]
  const copy = async (some: readonly NamedSnapshot[]) =>
    await copySnapshots(from, into, {
      snapshots: some,
      threads,
      lock,
      signal,
      onSnapshot: (_, { bytes }) => void (total += bytes),
      onProgress: (bytes) => report?.({ step: 'copy', unit: 'bytes', done: (done += bytes), total }),
    })
  await copyEach(copy, snapshots, (snapshot, thrown) => {
    left.add(snapshot)
    onDamaged(snapshot.id, thrown)
  })
  const arrived = snapshots.filter((snapshot) => !left.has(snapshot))
  const missing = await stillMissing(into, arrived, { signal })
  if (missing > 0) throw new CopyError('COPY_SNAPSHOT_MISSING', { ...names, count: missing })
  return arrived.length
}

/** All at once; where one of them is damaged, each alone, so that it keeps none of the others from being copied. */
async function copyEach(
  copy: (snapshots: readonly NamedSnapshot[]) => Promise<unknown>,
  snapshots: readonly NamedSnapshot[],
  onDamaged: (snapshot: NamedSnapshot, thrown: Error) => void,
): Promise<void> {
  try {
    await copy(snapshots)
  } catch (thrown) {
    if (!isDamage(thrown)) throw thrown
    for (const snapshot of snapshots) {
      await copy([snapshot]).catch((alone: unknown) => {
        if (!isDamage(alone)) throw alone
        onDamaged(snapshot, alone as Error)
      })
    }
  }
}

function isDamage(thrown: unknown): boolean {
  return hasCode(thrown, 'BLOB_DAMAGED') || hasCode(thrown, 'BLOB_NOT_FOUND')
}

/** How many of the snapshots the place does not list, whatever it said when they were written. */
async function stillMissing(
  target: IndexedRepository,
  snapshots: readonly NamedSnapshot[],
  options: Cancellable,
): Promise<number> {
  return chooseForCopy(snapshots, await loadSnapshots(target, options)).toCopy.length
}
