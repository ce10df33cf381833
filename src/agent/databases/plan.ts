import { DatabaseError } from './errors.ts'

/** What is to be dumped, as a backup policy says it: plain data. */

export type ServerEngine = 'postgresql' | 'mysql'

/**
 * How a server is reached. Nothing given: over its local socket, which lets in by the user of the system. As root that is the user
 * of the server itself (PostgreSQL), or root (MariaDB, MySQL).
 */
export interface Connection {
  /** A host name, or the path of a socket (MariaDB, MySQL) or of the folder that it lies in (PostgreSQL). */
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly user?: string | undefined
  /** A file with the password. It never stands in a command line or an environment. */
  readonly passwordFile?: string | undefined
}

export interface ServerPlan {
  /** `mysql` is MariaDB too: the server says which of the two it is. */
  readonly engine: ServerEngine
  /** What the server is called in the snapshot; one component of a path. PostgreSQL speaks of a cluster. */
  readonly name: string
  readonly connection?: Connection | undefined
  /** Folder of the client programs. Default: of the server's version where there is one, then the usual folders. */
  readonly programs?: string | undefined
  /** Default: all. */
  readonly databases?: readonly string[] | undefined
  /** MariaDB, MySQL: nobody writes to a database while it is dumped, so tables without transactions are of one moment too. */
  readonly lockTables?: boolean
}

export interface SqlitePlan {
  readonly engine: 'sqlite'
  /** Absolute path of the database. */
  readonly path: string
}

/** A database of an engine that we do not know: a hook of the machine dumps it. */
export interface HookPlan {
  readonly hook: string
  /** Where the hook leaves the dump, an absolute path. Default: it prints the dump. */
  readonly file?: string | undefined
}

export interface DatabasePlan {
  readonly servers?: readonly ServerPlan[]
  readonly files?: readonly SqlitePlan[]
  readonly hooks?: readonly HookPlan[]
  /** Where the copies of SQLite databases are made, one at a time. Default: the system's folder for temporary files. */
  readonly workFolder?: string | undefined
}

/** Throws DATABASE_PLAN_INVALID. */
export function checkPlan({ servers = [], files = [], hooks = [] }: DatabasePlan): void {
  if (servers.length + files.length + hooks.length === 0) throw invalid('nothing is named')
  const names = servers.map(({ engine, name }) => `${engine}/${name}`)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw invalid(`two servers are called ${twice}`)
  for (const { name, connection } of servers) {
    if (!/^[\p{L}\p{N}_-][\p{L}\p{N}._-]{0,99}$/u.test(name)) throw invalid(`"${name}" is no name of a server`)
    checkConnection(connection ?? {})
  }
  const dumps = [...files.map(({ path }) => path), ...hooks.map(({ hook }) => `hook ${hook}`)]
  if (new Set(dumps).size < dumps.length) throw invalid('a file or a hook is named twice')
  for (const { path } of files) checkPath(path)
  for (const { file } of hooks) if (file !== undefined) checkPath(file)
}

function checkPath(path: string): void {
  const components = path.slice(1).split('/')
  const isPlain = path.startsWith('/') && components.every((part) => part !== '' && part !== '.' && part !== '..')
  if (!isPlain || path.includes('\0')) throw invalid(`"${path}" is no absolute path of a file`)
}

function checkConnection({ host, port, user, passwordFile }: Connection): void {
  const texts = Object.entries({ host, user, passwordFile })
  const bad = texts.find(([, text]) => text !== undefined && (text === '' || /[\0-\x1f\x7f]/.test(text)))
  if (bad) throw invalid(`${bad[0]} is empty or has a control character in it`)
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) throw invalid(`${port} is no port`)
}

function invalid(reason: string): DatabaseError {
  return new DatabaseError('DATABASE_PLAN_INVALID', { reason })
}

/**
 * The name of a database as one component of a path, the same for ever: what a path cannot hold, and dots, as `%2E`. Since
 * no database's name has a dot in it then, files that have one (`globals.roles.sql`) are never taken for a database's.
 */
export function componentOf(database: string): string {
  return database.replace(/[%/\\.\u0000-\u001f\u007f:]/g, (char) => {
    const code = char.charCodeAt(0).toString(16).toUpperCase()
    return `%${code.padStart(2, '0')}`
  })
}
