/** Databases by the names of their files, and where these lie. */
import type { DatabaseEngine } from './discovery.ts'

/** Something in a folder that a database's folder has. */
export type FolderMarker =
  | 'pg-control'
  | 'pg-version'
  | 'pg-running'
  | 'pg-backup-label'
  | 'pg-tablespace'
  | 'mysql-system'
  | 'mysql-table'
  | 'mysql-running'
  | 'mysql-backup-tool'
  | 'wiredtiger'
  | 'mongo-running'
  | 'redis'
  | 'influx'
  | 'lmdb-data'
  | 'lmdb-lock'
  | 'ldap-entries'
  | 'ad-data'
  | 'oracle'
  | 'level-current'
  | 'level-manifest'
  | 'rocks-options'

export interface FoundMarker {
  readonly marker: FolderMarker
  /** The database's folder, if it is one. */
  readonly folder: string
  /** The file is always there, and empty while nothing runs. */
  readonly isInUseIfFilled?: boolean
}

interface MarkerRule {
  readonly marker: FolderMarker
  /** How many folders above the file's own. Default: none. */
  readonly up?: number
  /** What the file's own folder must be called. */
  readonly inside?: string
  readonly isInUseIfFilled?: boolean
}

const byName = new Map<string, MarkerRule>([
  ['pg_control', { marker: 'pg-control', up: 1, inside: 'global' }],
  ['PG_VERSION', { marker: 'pg-version' }],
  ['postmaster.pid', { marker: 'pg-running' }],
  ['backup_label', { marker: 'pg-backup-label' }],
  ['ibdata1', { marker: 'mysql-system' }],
  ['aria_log_control', { marker: 'mysql-system' }],
  ['mysql.ibd', { marker: 'mysql-system' }],
  ['ibtmp1', { marker: 'mysql-running' }],
  ['xtrabackup_checkpoints', { marker: 'mysql-backup-tool' }],
  ['mariadb_backup_checkpoints', { marker: 'mysql-backup-tool' }],
  ['WiredTiger.wt', { marker: 'wiredtiger' }],
  ['mongod.lock', { marker: 'mongo-running', isInUseIfFilled: true }],
  ['dump.rdb', { marker: 'redis' }],
  ['appendonly.aof', { marker: 'redis' }],
  ['appendonly.aof.manifest', { marker: 'redis', up: 1, inside: 'appendonlydir' }],
  ['influxd.bolt', { marker: 'influx' }],
  ['data.mdb', { marker: 'lmdb-data' }],
  ['lock.mdb', { marker: 'lmdb-lock' }],
  ['id2entry.bdb', { marker: 'ldap-entries' }],
  ['id2entry.db', { marker: 'ldap-entries' }],
  ['ntds.dit', { marker: 'ad-data' }],
  ['sam.ldb', { marker: 'ad-data' }],
  ['CURRENT', { marker: 'level-current' }],
])

const byPattern: readonly (readonly [RegExp, MarkerRule])[] = [
  [/^MANIFEST-\d{6,}$/, { marker: 'level-manifest' }],
  [/^OPTIONS-\d{6,}$/, { marker: 'rocks-options' }],
  [/\.(?:ibd|MYD|MAD)$/, { marker: 'mysql-table', up: 1 }],
  [
    /^(?:o1_mf_.+\.(?:dbf|log|ctl)|control\d+\.ctl|redo\d+\w*\.log|(?:system|sysaux|users|undotbs)\d+\.dbf)$/i,
    { marker: 'oracle' },
  ],
]

/** What the file says about a folder above it. */
export function folderMarkers(path: string, name: string): FoundMarker[] {
  const rule = byName.get(name) ?? byPattern.find(([pattern]) => pattern.test(name))?.[1]
  const place = rule && ruledFolder(path, rule)
  const found: FoundMarker[] = place ? [place] : []
  if (name.endsWith('.tsm')) found.push({ marker: 'influx', folder: influxFolder(path) })
  const tablespace = tablespaceOf(path)
  if (tablespace !== undefined) found.push({ marker: 'pg-tablespace', folder: tablespace })
  return found
}

function ruledFolder(path: string, rule: MarkerRule): FoundMarker | undefined {
  const { marker, up = 0, inside, isInUseIfFilled = false } = rule
  const own = parentOf(path)
  if (inside !== undefined && !own.endsWith(`/${inside}`)) return undefined
  return { marker, folder: above(own, up), isInUseIfFilled }
}

/** `…/data/<database>/<retention>/<shard>/x.tsm`, in version 2 below `engine`. */
function influxFolder(path: string): string {
  const folder = above(parentOf(path), 4)
  return folder.endsWith('/engine') ? parentOf(folder) : folder
}

/** PostgreSQL's tablespaces lie outside its folder, each in a folder `PG_15_202209061`. */
function tablespaceOf(path: string): string | undefined {
  const at = path.indexOf('/PG_')
  if (at < 0) return undefined
  return /^\/PG_\d+(?:\.\d+)?_\d{9}\//.test(path.slice(at, at + 40)) ? path.slice(0, at) : undefined
}

export interface FileMarkers {
  /** The file is a database by itself. */
  readonly engine?: DatabaseEngine
  /** Its content says nothing against it: there is no signature that it must have. */
  readonly isByNameAlone?: boolean
  /** It is a journal or lock of the file of this name in the same folder; without extension when any will do. */
  readonly beside?: string
}

const engineByExtension = new Map<string, FileMarkers>([
  ...['sqlite', 'sqlite3', 'sqlitedb', 'db3', 's3db', 'sl3'].map(
    (extension) => [extension, { engine: 'sqlite' }] as const,
  ),
  ['mdf', { engine: 'sql-server' }],
  ['ndf', { engine: 'sql-server' }],
  ['ldf', { engine: 'sql-server', isByNameAlone: true }],
  ['fdb', { engine: 'firebird' }],
  ['mdb', { engine: 'access' }],
  ['accdb', { engine: 'access' }],
  ['fmp12', { engine: 'filemaker' }],
  ['fp7', { engine: 'filemaker' }],
  ['edb', { engine: 'exchange', isByNameAlone: true }],
])

const journal = /^(.+)-(?:wal|shm|journal)$/
/** LevelDB's tables, `000123.ldb`, have the extension of Access' locks. */
const accessLock = /^(?!\d+\.ldb$)(.+)\.(?:laccdb|ldb)$/i

export function fileMarkers(name: string): FileMarkers {
  const [, journaled] = journal.exec(name) ?? []
  if (journaled !== undefined) return { beside: journaled }
  const [, locked] = accessLock.exec(name) ?? []
  if (locked !== undefined) return { beside: locked }
  if (/^windows\.edb$/i.test(name)) return {} // the index of the search, which is made again
  return engineByExtension.get(name.slice(name.lastIndexOf('.') + 1).toLowerCase()) ?? {}
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function above(folder: string, levels: number): string {
  let place = folder
  for (let level = 0; level < levels; level++) place = parentOf(place)
  return place
}
