import { formatBytes, printable } from '#base'
import type { NamedSnapshot, Snapshot, SnapshotSummary } from '#repository'
import { omitEmpty } from './json.ts'
import { formatTable } from './table.ts'
import type { Column } from './table.ts'
import { count, formatTimeText, shortId } from './words.ts'

/** Snapshots as people and programs see them, as restic prints them. */

/** The fields of a snapshot's file, in restic's order. */
export function snapshotFields(snapshot: Snapshot): Record<string, unknown> {
  const { time, parent, tree, paths, hostname, username, uid, gid, excludes, tags, original } = snapshot
  return {
    time,
    ...omitEmpty({ parent }),
    tree: tree.toString('hex'),
    paths,
    ...omitEmpty({ hostname, username, uid, gid, excludes, tags, original }),
    ...omitEmpty({ program_version: snapshot.programVersion }),
    ...(snapshot.summary && { summary: summaryFields(snapshot.summary) }),
  }
}

/** The same with the snapshot's id, as lists have it. */
export function listedSnapshot(snapshot: NamedSnapshot): Record<string, unknown> {
  return { ...snapshotFields(snapshot), id: snapshot.id, short_id: shortId(snapshot.id) }
}

/** Go's zero time. */
const noTime = '0001-01-01T00:00:00Z'

function summaryFields(summary: SnapshotSummary): Record<string, unknown> {
  return {
    backup_start: summary.backupStart ?? noTime,
    backup_end: summary.backupEnd ?? noTime,
    files_new: summary.filesNew,
    files_changed: summary.filesChanged,
    files_unmodified: summary.filesUnmodified,
    dirs_new: summary.dirsNew,
    dirs_changed: summary.dirsChanged,
    dirs_unmodified: summary.dirsUnmodified,
    data_blobs: summary.dataBlobs,
    tree_blobs: summary.treeBlobs,
    data_added: summary.dataAdded,
    data_added_packed: summary.dataAddedPacked,
    total_files_processed: summary.totalFilesProcessed,
    total_bytes_processed: summary.totalBytesProcessed,
  }
}

export interface SnapshotTableOptions {
  readonly compact?: boolean
  /** Why each is kept, by id. */
  readonly reasons?: ReadonlyMap<string, readonly string[]>
}

/** The lines of restic's table, oldest first. */
export function formatSnapshots(
  snapshots: readonly NamedSnapshot[],
  { compact = false, reasons }: SnapshotTableOptions = {},
): string[] {
  const rows = snapshots.toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time))
  const hasSizes = rows.some(({ summary }) => summary !== undefined)
  const columns: Column<NamedSnapshot>[] = [
    { title: 'ID', cell: ({ id }) => shortId(id) },
    { title: 'Time', cell: ({ time }) => formatTimeText(time) },
    { title: compact ? 'Host' : 'Host      ', cell: ({ hostname }) => hostname },
    {
      title: compact ? 'Tags  ' : 'Tags      ',
      cell: ({ tags }) => (compact ? tags : tags.join(',')),
    },
  ]
  if (!compact && reasons) columns.push({ title: 'Reasons', cell: ({ id }) => reasons.get(id) ?? [] })
  if (!compact) columns.push({ title: 'Paths', cell: ({ paths }) => paths })
  if (hasSizes) columns.push({ title: 'Size', cell: ({ summary }) => sizeOf(summary) })
  const spaced = !compact && rows.some(({ paths }) => paths.length > 1)
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  return formatTable(columns, rows, {
    spaced,
    footer: [`Timestamps shown in ${zone}`, count(rows.length, 'snapshot')],
  })
}

function sizeOf(summary: SnapshotSummary | undefined): string {
  return summary ? formatBytes(summary.totalBytesProcessed) : ''
}

export interface GroupLabel {
  readonly hostname: string
  readonly paths: readonly string[] | null
  readonly tags: readonly string[] | null
}

/** `snapshots for (host [nas], paths [/srv]):`; nothing for the group of all. */
export function formatGroupHeader({ hostname, paths, tags }: GroupLabel): string | undefined {
  const parts = [
    hostname === '' ? '' : `host [${printable(hostname)}]`,
    tags === null ? '' : `tags [${printable(tags.join(', '))}]`,
    paths === null ? '' : `paths [${printable(paths.join(', '), 2000)}]`,
  ].filter((part) => part !== '')
  return parts.length === 0 ? undefined : `snapshots for (${parts.join(', ')}):`
}

/** `snapshot 1a2b3c4d of [/srv] at … by root@nas`. */
export function describeSnapshot({ id, paths, time, username, hostname }: NamedSnapshot): string {
  const places = printable(paths.join(' '), 2000)
  return `snapshot ${shortId(id)} of [${places}] at ${formatTimeText(time)} by ${printable(`${username}@${hostname}`)}`
}
