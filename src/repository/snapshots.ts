import { hasCode, mapOrdered, messageOf, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { RepositoryError } from './errors.ts'
import { decodeSnapshot, encodeSnapshot } from './format/snapshot.ts'
import type { Snapshot } from './format/snapshot.ts'
import { parseTime } from './format/time.ts'
import type { Repository } from './repository.ts'

export interface NamedSnapshot extends Snapshot {
  /** Name of the snapshot's file. */
  readonly id: string
}

export interface LoadSnapshotsOptions extends Cancellable {
  /** What to do about a snapshot that is damaged. Default: fail, because forgetting it might lose what it holds. */
  readonly onDamaged?: (id: string, error: Error) => void
}

/** Every snapshot, oldest first. Throws `FILE_DAMAGED`. */
export async function loadSnapshots(
  repository: Repository,
  options: LoadSnapshotsOptions = {},
): Promise<NamedSnapshot[]> {
  const { signal } = options
  const ids: string[] = []
  for await (const { name } of repository.backend.list('snapshot', { signal })) ids.push(name)
  const snapshots: NamedSnapshot[] = []
  const loadOne = (id: string) => loadListed(repository, id, options)
  for await (const snapshot of mapOrdered(ids, loadOne, { concurrency: repository.backend.connections, signal })) {
    if (snapshot) snapshots.push(snapshot)
  }
  return snapshots.toSorted((a, b) => compareTimes(a.time, b.time) || (a.id < b.id ? -1 : 1))
}

/** Throws `FILE_DAMAGED`, `FILE_NOT_FOUND`. */
export async function loadSnapshot(
  repository: Repository,
  id: string,
  options: Cancellable = {},
): Promise<NamedSnapshot> {
  const json = await repository.loadFile('snapshot', id, options)
  try {
    return { id, ...decodeSnapshot(json) }
  } catch (cause) {
    throwIfBug(cause)
    const details = { type: 'snapshot', name: id.slice(0, 10), reason: messageOf(cause), cause }
    throw new RepositoryError('FILE_DAMAGED', details)
  }
}

/** Saves a snapshot: the last step of a backup. Everything that it needs must be durable by now. */
export async function saveSnapshot(
  repository: Repository,
  snapshot: Snapshot,
  options: Cancellable = {},
): Promise<string> {
  return await repository.saveFile('snapshot', encodeSnapshot(snapshot), options)
}

export async function deleteSnapshot(repository: Repository, id: string, options: Cancellable = {}): Promise<void> {
  await repository.backend.delete({ type: 'snapshot', name: id }, options)
}

/** Which snapshots a command is about: all that match every given condition. */
export interface SnapshotFilter {
  readonly hosts?: readonly string[]
  /** Each list is one alternative: a snapshot must have all tags of one of them. An empty tag stands for "no tags at all". */
  readonly tags?: readonly (readonly string[])[]
  /** All of these paths. */
  readonly paths?: readonly string[]
}

export function matchesFilter(snapshot: Snapshot, { hosts = [], tags = [], paths = [] }: SnapshotFilter): boolean {
  if (hosts.length > 0 && !hosts.includes(snapshot.hostname)) return false
  if (tags.length > 0 && !tags.some((list) => hasTags(snapshot, list))) return false
  return paths.every((path) => snapshot.paths.includes(path))
}

/**
 * The snapshot that a person means by `name`: the first digits of its id, `latest`, or `latest~N` for the N-th before it;
 * for `latest` only those that match the filter count. Throws `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_AMBIGUOUS`.
 */
export async function findSnapshot(
  repository: Repository,
  name: string,
  { filter = {}, signal }: { readonly filter?: SnapshotFilter } & Cancellable = {},
): Promise<NamedSnapshot> {
  const latest = /^latest(?:~(\d+))?$/.exec(name)
  if (latest) return await findLatest(repository, Number(latest[1] ?? 0), { filter, signal })
  const found: string[] = []
  for await (const file of repository.backend.list('snapshot', { signal })) {
    if (name !== '' && file.name.startsWith(name)) found.push(file.name)
  }
  if (found.length > 1) throw new RepositoryError('SNAPSHOT_AMBIGUOUS', { name })
  if (found[0] === undefined) throw new RepositoryError('SNAPSHOT_NOT_FOUND', { name })
  return await loadSnapshot(repository, found[0], { signal })
}

/** Order of RFC 3339 times, whatever their offsets. */
export function compareTimes(a: string, b: string): number {
  const [first, second] = [parseTime(a), parseTime(b)]
  return first < second ? -1 : first > second ? 1 : 0
}

async function findLatest(
  repository: Repository,
  back: number,
  { filter, signal }: { readonly filter: SnapshotFilter } & Cancellable,
): Promise<NamedSnapshot> {
  const damaged: Error[] = []
  const all = await loadSnapshots(repository, { signal, onDamaged: (_, error) => damaged.push(error) })
  const found = all.filter((snapshot) => matchesFilter(snapshot, filter)).at(-1 - back)
  // The damaged one might be the latest: then an older one must not pass for it.
  if (damaged[0]) throw damaged[0]
  if (!found) throw new RepositoryError('SNAPSHOT_NOT_FOUND', { name: back === 0 ? 'latest' : `latest~${back}` })
  return found
}

async function loadListed(
  repository: Repository,
  id: string,
  { signal, onDamaged }: LoadSnapshotsOptions,
): Promise<NamedSnapshot | undefined> {
  try {
    return await loadSnapshot(repository, id, { signal })
  } catch (thrown) {
    signal?.throwIfAborted()
    throwIfBug(thrown)
    if (hasCode(thrown, 'FILE_NOT_FOUND')) return undefined // forgotten since it was listed
    if (!onDamaged) throw thrown
    onDamaged(id, thrown as Error)
    return undefined
  }
}

function hasTags(snapshot: Snapshot, tags: readonly string[]): boolean {
  return tags.every((tag) => (tag === '' ? snapshot.tags.length === 0 : snapshot.tags.includes(tag)))
}
