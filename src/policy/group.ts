import { PolicyError } from './errors.ts'
import type { PolicySnapshot } from './snapshot.ts'

/** What the snapshots of one group have in common. */
export interface GroupBy {
  readonly host: boolean
  readonly paths: boolean
  readonly tags: boolean
}

/** restic's default: a machine's folders are a group, whatever their tags. */
export const defaultGroupBy: GroupBy = { host: true, paths: true, tags: false }

/** What names a group. A field that groups are not made by is empty, or null, as restic's JSON has it. */
export interface GroupKey {
  readonly hostname: string
  readonly paths: readonly string[] | null
  readonly tags: readonly string[] | null
}

export interface SnapshotGroup<Snapshot extends PolicySnapshot> {
  readonly key: GroupKey
  readonly snapshots: readonly Snapshot[]
}

const words: Readonly<Record<string, keyof GroupBy>> = {
  host: 'host',
  hosts: 'host',
  path: 'paths',
  paths: 'paths',
  tag: 'tags',
  tags: 'tags',
}

/** Reads `--group-by`: `host,paths`, say. An empty text puts all snapshots into one group. */
export function parseGroupBy(text: string): GroupBy {
  const groupBy = { host: false, paths: false, tags: false }
  for (const word of text.split(',')) {
    if (word === '') continue
    const field = Object.hasOwn(words, word) ? words[word] : undefined
    if (field === undefined) throw new PolicyError('POLICY_GROUPING_INVALID', { text: word })
    groupBy[field] = true
  }
  return groupBy
}

/** Divides snapshots into groups, which come in the order of their keys. */
export function groupSnapshots<Snapshot extends PolicySnapshot>(
  snapshots: readonly Snapshot[],
  groupBy: GroupBy,
): SnapshotGroup<Snapshot>[] {
  const groups = new Map<string, { readonly key: GroupKey; readonly snapshots: Snapshot[] }>()
  for (const snapshot of snapshots) {
    const key = keyOf(snapshot, groupBy)
    const name = JSON.stringify(key)
    const group = groups.get(name)
    if (group) group.snapshots.push(snapshot)
    else groups.set(name, { key, snapshots: [snapshot] })
  }
  return [...groups].toSorted(([one], [other]) => byteOrder(one, other)).map(([, group]) => group)
}

/** A group in the words of a sentence: `host nas, path [/srv]`. */
export function describeGroup({ hostname, paths, tags }: GroupKey): string {
  const parts = [
    hostname === '' ? '' : `host ${hostname}`,
    paths === null ? '' : `path [${paths.join(' ')}]`,
    tags === null ? '' : `tags [${tags.join(' ')}]`,
  ].filter((part) => part !== '')
  return parts.length === 0 ? 'the group of all snapshots' : `the group of ${parts.join(', ')}`
}

function keyOf({ hostname, paths, tags }: PolicySnapshot, groupBy: GroupBy): GroupKey {
  return {
    hostname: (groupBy.host && hostname) || '',
    paths: groupBy.paths ? sorted(paths) : null,
    tags: groupBy.tags ? sorted(tags) : null,
  }
}

/** Order does not make a group; and restic knows no difference between no list and an empty one. */
function sorted(texts: readonly string[] | null | undefined): readonly string[] | null {
  return texts && texts.length > 0 ? texts.toSorted(byteOrder) : null
}

function byteOrder(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
