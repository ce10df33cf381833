import { FormatError } from './errors.ts'
import { GoJsonWriter } from './go-json.ts'
import { idFromHex, isFileName } from './ids.ts'
import { JsonReader } from './json-reader.ts'
import { parseTime } from './time.ts'

/**
 * A snapshot (restic: internal/data/snapshot.go). No fields of our own: restic's `tag`, `copy` and `rewrite` write known
 * fields only, so ours would be lost. What we have to say of a snapshot goes into its tags.
 */
export interface Snapshot {
  /** RFC 3339, with the offset of the machine it was made on: that decides which day it belongs to. */
  readonly time: string
  /** Name of the snapshot that this one was compared with. */
  readonly parent?: string
  /** Id of the root tree, 32 bytes. */
  readonly tree: Buffer
  readonly paths: readonly string[]
  readonly hostname: string
  readonly username: string
  readonly uid: number
  readonly gid: number
  readonly excludes: readonly string[]
  readonly tags: readonly string[]
  /** Name of the snapshot that this one was made from by changing it. */
  readonly original?: string
  readonly programVersion?: string
  readonly summary?: SnapshotSummary
}

/** What a backup counted. Other programs leave fields out: those are 0 here, or missing for the times. */
export interface SnapshotSummary {
  readonly backupStart?: string
  readonly backupEnd?: string
  readonly filesNew: number
  readonly filesChanged: number
  readonly filesUnmodified: number
  readonly dirsNew: number
  readonly dirsChanged: number
  readonly dirsUnmodified: number
  readonly dataBlobs: number
  readonly treeBlobs: number
  /** Bytes. */
  readonly dataAdded: bigint
  /** Bytes, compressed and sealed. */
  readonly dataAddedPacked: bigint
  readonly totalFilesProcessed: number
  readonly totalBytesProcessed: bigint
}

/** Go's zero time, which restic writes where there is none. */
const noTime = '0001-01-01T00:00:00Z'

/** The JSON of a snapshot, as restic writes it. */
export function encodeSnapshot(snapshot: Snapshot): Buffer {
  const { parent, excludes, tags, original, programVersion, summary } = snapshot
  const writer = new GoJsonWriter()
  writer.ascii('{"time":').string(snapshot.time)
  if (parent !== undefined) writer.ascii(',"parent":').string(parent)
  writer.ascii(',"tree":').id(snapshot.tree).ascii(',"paths":').stringList(snapshot.paths)
  if (snapshot.hostname !== '') writer.ascii(',"hostname":').string(snapshot.hostname)
  if (snapshot.username !== '') writer.ascii(',"username":').string(snapshot.username)
  if (snapshot.uid !== 0) writer.ascii(`,"uid":${snapshot.uid}`)
  if (snapshot.gid !== 0) writer.ascii(`,"gid":${snapshot.gid}`)
  if (excludes.length > 0) writer.ascii(',"excludes":').stringList(excludes)
  if (tags.length > 0) writer.ascii(',"tags":').stringList(tags)
  if (original !== undefined) writer.ascii(',"original":').string(original)
  if (programVersion) writer.ascii(',"program_version":').string(programVersion)
  if (summary !== undefined) encodeSummary(writer.ascii(',"summary":'), summary)
  return writer.ascii('}').finish()
}

function encodeSummary(writer: GoJsonWriter, summary: SnapshotSummary): void {
  writer.ascii('{"backup_start":').string(summary.backupStart ?? noTime)
  writer.ascii(',"backup_end":').string(summary.backupEnd ?? noTime)
  for (const [name, field] of summaryNumbers) writer.ascii(`,"${name}":${summary[field]}`)
  writer.ascii('}')
}

const smallNumbers = [
  ['files_new', 'filesNew'],
  ['files_changed', 'filesChanged'],
  ['files_unmodified', 'filesUnmodified'],
  ['dirs_new', 'dirsNew'],
  ['dirs_changed', 'dirsChanged'],
  ['dirs_unmodified', 'dirsUnmodified'],
  ['data_blobs', 'dataBlobs'],
  ['tree_blobs', 'treeBlobs'],
  ['total_files_processed', 'totalFilesProcessed'],
] as const

const largeNumbers = [
  ['data_added', 'dataAdded'],
  ['data_added_packed', 'dataAddedPacked'],
  ['total_bytes_processed', 'totalBytesProcessed'],
] as const

/** In restic's order. */
const summaryNumbers = [
  ...smallNumbers.slice(0, 8),
  ...largeNumbers.slice(0, 2),
  ...smallNumbers.slice(8),
  ...largeNumbers.slice(2),
]

/** Fields while they are being read. */
type Draft<T> = { -readonly [Key in keyof T]?: T[Key] }

/**
 * Reads a snapshot; fields that are missing are empty, fields that are not known are passed over. Throws JSON_INVALID,
 * FIELD_INVALID or TIME_INVALID.
 */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const reader = new JsonReader(bytes, 'snapshot')
  const draft: Draft<Snapshot> = {}
  reader.readObject((key) => {
    if (!reader.takeNull()) readSnapshotField(reader, key, draft)
  })
  reader.finish()
  const { time, tree } = draft
  if (time === undefined) throw invalid('time', 'is missing')
  if (tree === undefined) throw invalid('tree', 'is missing')
  return { paths: [], hostname: '', username: '', uid: 0, gid: 0, excludes: [], tags: [], ...draft, time, tree }
}

function readSnapshotField(reader: JsonReader, key: string, draft: Draft<Snapshot>): void {
  switch (key) {
    case 'time':
      draft.time = readTime(reader)
      break
    case 'parent':
    case 'original':
      draft[key] = readName(reader, key)
      break
    case 'tree':
      draft.tree = idFromHex(readName(reader, key))
      break
    case 'paths':
    case 'excludes':
    case 'tags':
      draft[key] = readTexts(reader)
      break
    case 'hostname':
    case 'username':
      draft[key] = reader.readString()
      break
    case 'uid':
    case 'gid':
      draft[key] = reader.readUnsigned(0xffff_ffff)
      break
    case 'program_version':
      draft.programVersion = reader.readString()
      break
    case 'summary':
      draft.summary = readSummary(reader)
      break
    default:
      reader.skipValue()
  }
}

function readSummary(reader: JsonReader): SnapshotSummary {
  const summary: Draft<SnapshotSummary> = {}
  for (const [, field] of smallNumbers) summary[field] = 0
  for (const [, field] of largeNumbers) summary[field] = 0n
  reader.readObject((key) => {
    const small = smallNumbers.find(([name]) => name === key)
    const large = largeNumbers.find(([name]) => name === key)
    if (reader.takeNull()) return
    if (small) summary[small[1]] = reader.readUnsigned(Number.MAX_SAFE_INTEGER)
    else if (large) summary[large[1]] = reader.readUnsigned64()
    else if (key === 'backup_start') summary.backupStart = readTime(reader)
    else if (key === 'backup_end') summary.backupEnd = readTime(reader)
    else reader.skipValue()
  })
  return summary as SnapshotSummary
}

function readTime(reader: JsonReader): string {
  const time = reader.readString()
  parseTime(time)
  return time
}

function readName(reader: JsonReader, field: string): string {
  const name = reader.readString()
  if (!isFileName(name)) throw invalid(field, 'is no id')
  return name
}

function readTexts(reader: JsonReader): string[] {
  const texts: string[] = []
  reader.readArray(() => texts.push(reader.readString()))
  return texts
}

function invalid(field: string, reason: string): FormatError {
  return new FormatError('FIELD_INVALID', { what: 'snapshot', field, reason })
}
