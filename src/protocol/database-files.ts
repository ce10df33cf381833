/**
 * Which files are a database's, told from their paths (and, where they can be had, sizes and first bytes): for the paths of a
 * snapshot, and for a walk over a disk. Files of a database that were copied while it worked are no backup of it: pages
 * of different moments do not fit together.
 *
 * Pure, and for any number of paths in any order: only those that may belong to a database are remembered.
 */
import type { DatabaseEngine, DatabaseFiles, Finding, InUse } from './discovery.ts'
import { databaseByContent, headLength, mayTellByContent } from './database-magic.ts'
import { fileMarkers, folderMarkers } from './database-names.ts'
import type { FolderMarker } from './database-names.ts'

export interface SeenFile {
  /** With `/` between its parts. */
  readonly path: string
  readonly bytes?: number | undefined
  /** Its first bytes; read them where `wantsHead` says so. */
  readonly head?: Uint8Array | undefined
}

export interface FoundDatabases {
  readonly databases: readonly DatabaseFiles[]
  /** There were more than are remembered. */
  readonly isAtLeast: boolean
}

/** A walk that meets more than this has met somebody who makes them. */
const mostRemembered = 50_000

/** Tells the databases among files. */
export function findDatabaseFiles(files: Iterable<SeenFile>): FoundDatabases {
  const finder = new DatabaseFinder()
  for (const file of files) finder.see(file)
  return finder.found()
}

interface SeenFolder {
  readonly markers: Map<FolderMarker, string>
}

interface Candidate {
  readonly engine: DatabaseEngine
  readonly isByContent: boolean
}

/** The same for files that come one by one. */
export class DatabaseFinder {
  readonly #folders = new Map<string, SeenFolder>()
  readonly #files = new Map<string, Candidate>()
  /** Journals and locks, by the path of the file that is a database if they are what they seem. */
  readonly #beside = new Map<string, readonly string[]>()
  #isAtLeast = false

  /** How many of the first bytes of the file help; 0 when none do. */
  wantsHead(path: string): number {
    return mayTellByContent(nameOf(path)) ? headLength : 0
  }

  see({ path, bytes, head }: SeenFile): void {
    const slash = path.lastIndexOf('/')
    const name = path.slice(slash + 1)
    for (const marker of folderMarkers(path, name)) this.#mark(marker.folder, marker, name, bytes)
    const file = fileMarkers(name)
    if (file.beside !== undefined) this.#seeBeside(`${path.slice(0, slash + 1)}${file.beside}`, name)
    const byContent = head && databaseByContent(head)
    if (byContent !== undefined) this.#remember(this.#files, path, { engine: byContent, isByContent: true })
    // A first look inside that shows something else outweighs the name; an empty file is no database yet.
    else if (file.engine && bytes !== 0 && (!head || file.isByNameAlone))
      this.#remember(this.#files, path, { engine: file.engine, isByContent: false })
  }

  found(): FoundDatabases {
    const folders = [...this.#folders].flatMap(([folder, seen]) => databaseInFolder(folder, seen))
    const places = new Set(folders.map(({ place }) => place))
    const mainFiles = [...this.#files.keys()].filter(isSqlServerMain)
    const withMainFile = new Set(mainFiles.map(parentOf))
    const files = [...this.#files].flatMap(([path, candidate]) => this.#databaseFile(path, candidate, withMainFile))
    const loose = [...this.#beside].flatMap(([path, beside]) => this.#onlyByItsJournal(path, beside))
    const databases = [...folders, ...files, ...loose]
      .filter(({ place }) => !isPartOf(place, places)) // an engine's own files may look like another engine's
      .sort((a, b) => (a.place < b.place ? -1 : 1))
    return { databases, isAtLeast: this.#isAtLeast }
  }

  #mark(folder: string, { marker, isInUseIfFilled }: Marked, name: string, bytes: number | undefined): void {
    if (isInUseIfFilled && bytes === 0) return
    const seen = this.#folders.get(folder)
    if (seen) seen.markers.set(marker, name)
    else this.#remember(this.#folders, folder, { markers: new Map([[marker, name]]) })
  }

  #remember<Value>(into: Map<string, Value>, key: string, value: Value): void {
    if (into.size >= mostRemembered && !into.has(key)) this.#isAtLeast = true
    else into.set(key, value)
  }

  #seeBeside(path: string, name: string): void {
    this.#remember(this.#beside, path, [...(this.#beside.get(path) ?? []), name])
  }

  #databaseFile(path: string, { engine, isByContent }: Candidate, withMainFile: ReadonlySet<string>): DatabaseFiles[] {
    // SQL Server's logs and further files belong to the main file beside them.
    if (engine === 'sql-server' && !isSqlServerMain(path) && withMainFile.has(parentOf(path))) return []
    const [lock] = this.#beside.get(path) ?? this.#beside.get(withoutExtension(path)) ?? []
    const how = isByContent ? 'its first bytes' : 'its name'
    const evidence = [`known by ${how}`, ...(lock === undefined ? [] : [`"${lock}" lies beside it`])]
    return [{ engine, place: path, isFile: true, inUse: lock === undefined ? 'unknown' : 'yes', evidence }]
  }

  /** A write-ahead log with its index is SQLite's alone, whatever the file beside them is called. */
  #onlyByItsJournal(path: string, beside: readonly string[]): DatabaseFiles[] {
    const [log, index] = ['-wal', '-shm'].map((end) => beside.find((name) => name.endsWith(end)))
    if (log === undefined || index === undefined || this.#files.has(path)) return []
    const evidence = [`"${log}" and "${index}" lie beside it`]
    return [{ engine: 'sqlite', place: path, isFile: true, inUse: 'yes', evidence }]
  }
}

interface Marked {
  readonly marker: FolderMarker
  readonly isInUseIfFilled?: boolean | undefined
}

/** True for files inside a database's folder: they are that database. */
function isPartOf(path: string, places: ReadonlySet<string>): boolean {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    if (places.has(path.slice(0, slash))) return true
  }
  return false
}

/** Which markers, together, make a folder a database's. The first rule that holds counts. */
const folderRules: readonly { readonly engine: DatabaseEngine; readonly needs: readonly FolderMarker[] }[] = [
  { engine: 'postgresql', needs: ['pg-control', 'pg-version'] },
  { engine: 'postgresql', needs: ['pg-tablespace'] },
  { engine: 'mariadb', needs: ['mysql-system'] },
  { engine: 'mariadb', needs: ['mysql-table'] },
  { engine: 'mongodb', needs: ['wiredtiger'] },
  { engine: 'redis', needs: ['redis'] },
  { engine: 'influxdb', needs: ['influx'] },
  { engine: 'lmdb', needs: ['lmdb-data', 'lmdb-lock'] },
  { engine: 'oracle', needs: ['oracle'] },
  { engine: 'ldap', needs: ['ldap-entries'] },
  { engine: 'active-directory', needs: ['ad-data'] },
  { engine: 'rocksdb', needs: ['level-current', 'level-manifest', 'rocks-options'] },
  { engine: 'leveldb', needs: ['level-current', 'level-manifest'] },
]

const inUseMarkers: Partial<Record<DatabaseEngine, FolderMarker>> = {
  postgresql: 'pg-running',
  mariadb: 'mysql-running',
  mongodb: 'mongo-running',
}

const madeByTool: Partial<Record<DatabaseEngine, FolderMarker>> = {
  postgresql: 'pg-backup-label',
  mariadb: 'mysql-backup-tool',
}

function databaseInFolder(folder: string, { markers }: SeenFolder): DatabaseFiles[] {
  const rule = folderRules.find(({ needs }) => needs.every((marker) => markers.has(marker)))
  if (!rule) return []
  const { needs } = rule
  const engine = rule.engine === 'lmdb' && /ldap|slapd/i.test(folder) ? 'ldap' : rule.engine
  const named = (marker: FolderMarker | undefined) => (marker === undefined ? undefined : markers.get(marker))
  const running = named(inUseMarkers[engine])
  const tool = named(madeByTool[engine])
  const inUse: InUse = running === undefined ? 'unknown' : 'yes'
  const evidence = [
    `it has ${needs.map((marker) => `"${markers.get(marker)}"`).join(' and ')}`,
    ...(running === undefined ? [] : [`"${running}" is there while it runs`]),
    ...(tool === undefined ? [] : [`"${tool}" is left by a tool that copies databases`]),
  ]
  return [{ engine, place: folder, isFile: false, inUse, evidence }]
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function isSqlServerMain(path: string): boolean {
  return /\.mdf$/i.test(path)
}

function withoutExtension(path: string): string {
  const dot = path.lastIndexOf('.')
  return dot > path.lastIndexOf('/') ? path.slice(0, dot) : path
}

/**
 * The same databases, with what a look at the machine itself said of their use: names alone do not show everything. That one was at
 * rest when somebody looked says nothing of another moment.
 */
export function withKnownUse(
  databases: readonly DatabaseFiles[],
  looked: readonly Pick<Finding, 'engine' | 'places' | 'inUse'>[],
): DatabaseFiles[] {
  const inUse = looked.filter((finding) => finding.inUse === 'yes')
  const used = new Set(inUse.map(({ engine, places }) => `${engine} ${places[0]?.path}`))
  return databases.map((found) => {
    if (found.inUse === 'yes' || !used.has(`${found.engine} ${found.place}`)) return found
    return { ...found, inUse: 'yes', evidence: [...found.evidence, 'in use when the machine was looked at'] }
  })
}

const names: Readonly<Record<DatabaseEngine, string>> = {
  postgresql: 'PostgreSQL',
  mariadb: 'MariaDB or MySQL',
  sqlite: 'SQLite',
  'sql-server': 'SQL Server',
  oracle: 'Oracle',
  firebird: 'Firebird',
  access: 'Access',
  filemaker: 'FileMaker',
  mongodb: 'MongoDB',
  redis: 'Redis',
  influxdb: 'InfluxDB',
  leveldb: 'LevelDB',
  rocksdb: 'RocksDB',
  lmdb: 'LMDB',
  ldap: 'LDAP directory',
  'active-directory': 'Active Directory',
  exchange: 'Exchange',
}

/** The engine as people call it. */
export function engineName(engine: DatabaseEngine): string {
  return names[engine]
}

/** Engines of which the agent makes dumps itself. */
export function hasOwnDump(engine: DatabaseEngine): boolean {
  return engine === 'postgresql' || engine === 'mariadb' || engine === 'sqlite'
}

/**
 * What files of a database in a snapshot are worth, in a sentence. Never that they are a backup: even files of a database that
 * stood still count only when a test restore has opened them.
 */
export function sayOfDatabaseFiles({
  engine,
  place,
  inUse,
}: Pick<DatabaseFiles, 'engine' | 'place' | 'inUse'>): string {
  const of = `${names[engine]} in ${place}`
  if (inUse === 'yes') return `${of}: copied as files while in use: not a backup of this database.`
  if (inUse === 'no') return `${of}: copied as files while at rest: not a backup until a test restore has opened it.`
  return `${of}: copied as files, perhaps while in use: not a backup of this database.`
}
