import { systemClock } from '#base'
import type { Cancellable, Clock, WarmThreads } from '#base'
import {
  RepositoryWriter,
  deleteSnapshot,
  findSnapshot,
  loadIndex,
  loadSnapshots,
  lockRepository,
  saveSnapshot,
} from '#repository'
import type { HeldLock, NamedSnapshot, Repository, Snapshot, SnapshotSummary } from '#repository'
import { archive } from './archive.ts'
import type { ArchiveOptions, ArchiveResult } from './archive.ts'
import { formatLocalTime } from './local-time.ts'
import { chooseParent } from './parent-snapshot.ts'
import type { ParentGroup } from './parent-snapshot.ts'
import { scannerOf } from './scan-ahead.ts'
import type { Source } from './source.ts'

/** Who and what a snapshot says it is about. */
export interface SnapshotIdentity {
  readonly hostname: string
  readonly username: string
  readonly uid: number
  readonly gid: number
  readonly tags: readonly string[]
  readonly excludes: readonly string[]
  readonly programVersion: string
}

export interface BackUpOptions extends Cancellable, Omit<ArchiveOptions, 'parent' | 'signal'> {
  readonly identity: SnapshotIdentity
  readonly threads: number
  /** As many, started before (`warmThreads`). */
  readonly warm?: WarmThreads | undefined
  readonly packSize?: number | undefined
  /** The time that the snapshot says, in milliseconds since 1970. Default: now. */
  readonly time?: number | undefined
  /** A snapshot's name, or the first digits of it, to compare with. Default: the newest of the same group. */
  readonly parent?: string | undefined
  /** What makes two snapshots belong together when a parent is looked for. Default: host and paths. */
  readonly parentGroup?: ParentGroup | undefined
  /** Reads everything, whatever the parent says. */
  readonly force?: boolean
  /** Stores nothing. */
  readonly dryRun?: boolean
  /** Makes no snapshot when nothing has changed since the parent. */
  readonly skipIfUnchanged?: boolean
  /** How long to wait for the lock, in milliseconds. */
  readonly retryLock?: number
  readonly onLockWait?: (holder: Error) => void
  readonly onParent?: (parent: NamedSnapshot | undefined) => void
  /** Given the writer, for a display of what has been read. */
  readonly onStart?: (progress: { readonly bytesRead: number }) => void
  readonly clock?: Clock
}

export interface BackUpResult extends ArchiveResult {
  /** Name of the snapshot; undefined in a dry run, and when it was skipped because nothing had changed. */
  readonly snapshot: string | undefined
  readonly parent: NamedSnapshot | undefined
  /** Milliseconds since 1970. */
  readonly start: number
  readonly end: number
}

/**
 * Backs a source up: lock → index → parent → walk and store → packs and indexes durable → look whether all that counts is
 * still there → the snapshot, last. Whatever ends it before leaves only blobs that the next run finds and uses.
 */
export async function backUp(repository: Repository, source: Source, options: BackUpOptions): Promise<BackUpResult> {
  const { signal, retryLock = 0, onLockWait, dryRun = false, clock = systemClock } = options
  if (dryRun) return await store(repository, source, { ...options, clock })
  const lockOptions = { early: true, signal, retryFor: retryLock, ...(onLockWait && { onWait: onLockWait }), clock }
  await using lock = await lockRepository(repository, lockOptions)
  return await store(repository, source, { ...options, signal: lock.signal, clock }, lock)
}

type StoreOptions = BackUpOptions & { readonly clock: Clock }

async function store(
  repository: Repository,
  source: Source,
  options: StoreOptions,
  lock?: HeldLock,
): Promise<BackUpResult> {
  const { signal, threads, packSize, dryRun = false, clock } = options
  const [start, began] = [clock.now(), clock.monotonic()]
  const [parent, indexed] = await Promise.all([
    findParent(repository, source, options),
    loadIndex(repository, { signal }),
  ])
  options.onParent?.(parent)
  const guard = lock && (async () => await makeSure(lock))
  const writerOptions = {
    reader: source.reader,
    scanner: parent && options.onUnchanged ? scannerOf(source, options.unchanged) : undefined,
    threads,
    warm: options.warm,
    discard: dryRun,
    signal,
    ready: lock?.settled,
    guard,
    ...(packSize && { packSize }),
  }
  await using writer = new RepositoryWriter(indexed, writerOptions)
  options.onStart?.(writer)
  try {
    const archived = await archive(writer, source, { ...options, parent: options.force ? undefined : parent?.tree })
    await writer.flush({ signal })
    await source.finish?.()
    const skipped = options.skipIfUnchanged === true && parent?.tree.equals(archived.tree) === true
    // The wall clock may have been set meanwhile.
    const end = start + Math.round(clock.monotonic() - began)
    if (dryRun || skipped) return { ...archived, snapshot: undefined, parent, start, end }
    await lock?.ensure()
    await writer.verifyUsed({ signal })
    await lock?.verify()
    const about = describeSnapshot(source, options, { archived, parent, start, end })
    const snapshot = await saveSnapshot(indexed, about, { signal })
    if (lock) await keepOrDelete(indexed, snapshot, lock)
    return { ...archived, snapshot, parent, start, end }
  } catch (thrown) {
    // What is durable by now is worth naming in an index; the reason for ending counts more than whether that works.
    await writer.salvage().catch(() => undefined)
    throw thrown
  }
}

async function makeSure(lock: HeldLock): Promise<void> {
  await lock.ensure()
  await lock.verify()
}

// A machine may sleep at any moment, after the last look at the lock too: then others have pruned what this snapshot needs.
async function keepOrDelete(repository: Repository, snapshot: string, lock: HeldLock): Promise<void> {
  try {
    await makeSure(lock)
  } catch (thrown) {
    await deleteSnapshot(repository, snapshot)
    throw thrown
  }
}

async function findParent(
  repository: Repository,
  source: Source,
  { force, parent, parentGroup, identity, time, clock, signal }: StoreOptions,
): Promise<NamedSnapshot | undefined> {
  if (force) return undefined
  if (parent !== undefined) return await findSnapshot(repository, parent, { signal })
  // A damaged snapshot is no reason not to back up: it is passed over as a parent, and `check` reports it.
  const snapshots = await loadSnapshots(repository, { signal, onDamaged: () => undefined })
  const about = { hostname: identity.hostname, paths: source.paths, tags: identity.tags }
  return chooseParent(snapshots, about, { group: parentGroup, notAfter: time ?? clock.now() })
}

interface Made {
  readonly archived: ArchiveResult
  readonly parent: NamedSnapshot | undefined
  readonly start: number
  readonly end: number
}

function describeSnapshot(source: Source, options: BackUpOptions, { archived, parent, start, end }: Made): Snapshot {
  const { identity, time } = options
  const summary: SnapshotSummary = {
    ...archived.counts,
    backupStart: formatLocalTime(start),
    backupEnd: formatLocalTime(end),
  }
  return {
    ...identity,
    time: formatLocalTime(time ?? start),
    ...(parent && { parent: parent.id }),
    tree: archived.tree,
    paths: source.paths,
    summary,
  }
}
