import path from 'node:path'
import type { Command } from 'commander'
import type { Cancellable } from '#base'
import { RepositoryError, findSnapshot, loadSnapshots, matchesFilter } from '#repository'
import type { NamedSnapshot, Repository, SnapshotFilter } from '#repository'
import { listFlag } from './command.ts'
import type { CommandContext, CommandFlags } from './context.ts'

/** Which snapshots a command is about: ids, or what all of them must have. */

export interface FilterFlagOptions {
  /** `-H` stands for something else in `forget`. */
  readonly hostShort?: boolean
  /** Said behind each flag. */
  readonly note?: string
}

export function addFilterFlags(command: Command, { hostShort = true, note = '' }: FilterFlagOptions = {}): void {
  command.addOption(
    listFlag(`${hostShort ? '-H, ' : ''}--host <host>`, `only snapshots of this host${note}; several are alternatives`),
  )
  command.addOption(
    listFlag('--tag <tag[,tag…]>', `only snapshots with all these tags${note}; several are alternatives`),
  )
  command.addOption(listFlag('--path <path>', `only snapshots of this path${note}; of several, all must be there`))
}

/** For commands about one snapshot. */
export const latestNote = ', for "latest"'

export function readFilter(flags: CommandFlags, { env }: Pick<CommandContext, 'env'>): SnapshotFilter {
  const host = env.get('HOST')
  const hosts = (flags.host as string[] | undefined) ?? (host === undefined ? [] : [host])
  return {
    // An empty host takes the default from the environment back.
    hosts: hosts.length === 1 && hosts[0] === '' ? [] : hosts,
    tags: readTagLists(flags.tag),
    paths: ((flags.path as string[] | undefined) ?? []).map(absolutePath),
  }
}

/** `--tag a,b --tag c`: lists of tags. */
export function readTagLists(given: unknown): string[][] {
  return ((given as string[] | undefined) ?? []).map((list) => list.split(',').map((tag) => tag.trim()))
}

export function isEmptyFilter({ hosts = [], tags = [], paths = [] }: SnapshotFilter): boolean {
  return hosts.length + tags.length + paths.length === 0
}

// Snapshots of Windows machines have paths that only look relative here.
function absolutePath(text: string): string {
  return /^[A-Za-z]:[\\/]/.test(text) ? text : path.resolve(text)
}

export interface FindOptions extends Cancellable {
  readonly ids: readonly string[]
  readonly filter: SnapshotFilter
  readonly onDamaged?: (id: string, error: Error) => void
}

/** The snapshots with the given ids, or all that match the filter; oldest first, none twice. */
export async function findSnapshots(repository: Repository, options: FindOptions): Promise<NamedSnapshot[]> {
  const { ids, filter, signal, onDamaged } = options
  if (ids.length === 0) {
    const all = await loadSnapshots(repository, { signal, ...(onDamaged && { onDamaged }) })
    return all.filter((snapshot) => matchesFilter(snapshot, filter))
  }
  const found = new Map<string, NamedSnapshot>()
  for (const id of ids) {
    const snapshot = await findSnapshot(repository, id, { filter, signal })
    found.set(snapshot.id, snapshot)
  }
  return [...found.values()]
}

/** The same, of snapshots that have been loaded. Throws `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_AMBIGUOUS`. */
export function chooseSnapshots(
  all: readonly NamedSnapshot[],
  { ids, filter }: Pick<FindOptions, 'ids' | 'filter'>,
): NamedSnapshot[] {
  const matching = all.filter((snapshot) => matchesFilter(snapshot, filter))
  if (ids.length === 0) return matching
  const chosen = ids.map((name) => {
    const found = name === 'latest' ? matching.slice(-1) : all.filter(({ id }) => name !== '' && id.startsWith(name))
    if (found.length > 1) throw new RepositoryError('SNAPSHOT_AMBIGUOUS', { name })
    if (!found[0]) throw new RepositoryError('SNAPSHOT_NOT_FOUND', { name })
    return found[0]
  })
  return [...new Set(chosen)]
}

/** `id:folder` in its parts; the folder is empty for the whole snapshot. */
export function splitSnapshotName(text: string): { readonly id: string; readonly subfolder: string } {
  const colon = text.indexOf(':')
  return colon < 0 ? { id: text, subfolder: '' } : { id: text.slice(0, colon), subfolder: text.slice(colon + 1) }
}
