import { hasCode, messageOf } from '#base'
import type { Cancellable } from '#base'
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
import { lockOptions } from './object-locks.ts'
import { notCopied } from './plan-copy.ts'
import { openReached, reachDestination } from './open-place.ts'
import { ProvenBackend } from './proven-backend.ts'
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
 * Brings the copy of a repository up to date: open the source → open the copy, or make it → copy each snapshot that is not there
 * → each file is read back as it arrives → see that all snapshots are there. The copy cuts files where the source does, so that
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
  using target = await openCopy(services, task, { backend, source, signal })
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
}

async function openCopy(
  services: Services,
  task: CopyTask,
  { backend, source, signal }: OpenCopyOptions,
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
  if (toCopy.length > 0) {
    const [from, into] = [await loadIndex(source, { signal }), await loadIndex(target, { signal })]
    const left = new Set<NamedSnapshot>()
    let [done, total] = [0, 0]
    const copy = async (snapshots: readonly NamedSnapshot[]) =>
      await copySnapshots(from, into, {
        snapshots,
        threads,
        lock,
        signal,
        onSnapshot: (_, { bytes }) => void (total += bytes),
        onProgress: (bytes) => report?.({ step: 'copy', unit: 'bytes', done: (done += bytes), total }),
      })
    await copyEach(copy, toCopy, (snapshot, thrown) => {
      left.add(snapshot)
      damaged(snapshot.id, thrown)
    })
    const missing = await stillMissing(
      into,
      toCopy.filter((snapshot) => !left.has(snapshot)),
      { signal },
    )
    const names = { name: task.destination.name, repository: task.repository.name }
    if (missing > 0) throw new CopyError('COPY_SNAPSHOT_MISSING', { ...names, count: missing })
    const copied = toCopy.length - left.size
    return { copied, snapshots: before.length + copied, proven, problems }
  }
  return { copied: 0, snapshots: before.length, proven, problems }
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
