import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { Cancellable } from '#base'

import type { ProgramOrder, ProgramUser } from '../programs/start-program.ts'
import { DatabaseError } from './errors.ts'
import { failureOf } from './failures.ts'
import type { Connection, ServerPlan } from './plan.ts'
import { ask, findProgram, notStarted, numbersOf, programFolders, versionOf } from './programs.ts'
import type { AskOptions } from './programs.ts'
import { makePrivateFolder, readPassword } from './secrets.ts'
import type { PrivateFolder } from './secrets.ts'

/** A way to a PostgreSQL server, and the client programs that fit it. */
export interface PostgresqlServer extends AsyncDisposable {
  readonly name: string
  /** The numbers of its version: `[15, 18]`. */
  readonly version: string
  readonly clientVersion: string
  readonly isSuperuser: boolean
  readonly databases: readonly { readonly name: string; readonly isOpen: boolean }[]
  /** A call of a client program; `database` is the one it works on. */
  order(program: string, args: readonly string[], database?: string): ProgramOrder
  /** Runs SQL (or psql's own commands); gives what it prints. Throws what the server says. */
  query(sql: string, options?: AskOptions & { readonly database?: string }): Promise<string>
}

export const postgresqlPackage = { engine: 'PostgreSQL', package: 'postgresql-client' } as const

const oldest = 15
const defaultFolder = '/var/run/postgresql'
const defaultPort = 5432

const surveySql = `select json_build_object(
  'version', split_part(current_setting('server_version'), ' ', 1),
  'isSuperuser', (select rolsuper from pg_catalog.pg_roles where rolname = current_user),
  'databases', (select json_agg(json_build_object('name', datname, 'isOpen', datallowconn) order by datname)
                  from pg_catalog.pg_database));`

/**
 * Asks a server who it is and chooses the client programs of its version. Throws DATABASE_SERVER_UNREACHABLE, DATABASE_LOGIN_REFUSED,
 * DATABASE_TOOL_MISSING, DATABASE_CLIENT_OLD, DATABASE_SERVER_OLD, DATABASE_SECRET_UNREADABLE.
 */
export async function openPostgresql(
  { name, connection = {}, programs }: Pick<ServerPlan, 'name' | 'connection' | 'programs'>,
  options: Cancellable = {},
): Promise<PostgresqlServer> {
  const folders = programFolders(programs)
  const psql = findProgram(['psql'], folders)
  if (psql === undefined) throw new DatabaseError('DATABASE_TOOL_MISSING', { program: 'psql', ...postgresqlPackage })
  const user = await userFor(connection)
  await using stack = new AsyncDisposableStack()
  const secrets = stack.use(await makePrivateFolder(user))
  const env = await environment(connection, secrets)
  const way = { name, env, user }
  const about = JSON.parse(await runSql(way, psql, { sql: surveySql, ...options })) as About
  const serverNumbers = numbersOf(about.version)
  if ((serverNumbers[0] as number) < oldest)
    throw new DatabaseError('DATABASE_SERVER_OLD', { ...postgresqlPackage, server: about.version, oldest })
  const client = await chooseClient(name, { folders, server: about.version, signal: options.signal })
  const kept = stack.move()
  const inFolder = (program: string) => join(client.folder, program)
  return {
    name,
    ...about,
    clientVersion: client.version,
    order: (program, args, database = 'postgres') => ({
      program: inFolder(program),
      args,
      env: { ...env, PGDATABASE: database },
      user,
    }),
    query: async (sql, { database = 'postgres', ...asking } = {}) =>
      await runSql({ ...way, env: { ...env, PGDATABASE: database } }, psql, { sql, ...asking }),
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  }
}

type About = Pick<PostgresqlServer, 'version' | 'isSuperuser' | 'databases'>

interface Way {
  readonly name: string
  readonly env: Readonly<Record<string, string>>
  readonly user: ProgramUser | undefined
}

interface Query extends AskOptions {
  readonly sql: string
}

async function runSql({ name, env, user }: Way, psql: string, { sql, ...options }: Query): Promise<string> {
  const args = ['-X', '-A', '-t', '-q', '-w', '-v', 'ON_ERROR_STOP=1', '-f', '-']
  const order = { program: psql, args, env: { ...env, PGCLIENTENCODING: 'UTF8' }, user }
  const result = await ask(order, postgresqlPackage, { input: sql, ...options })
  if (result.code === 0) return result.stdout.trim()
  throw failureOf({ ...result, program: 'psql', engine: 'PostgreSQL', name, database: env['PGDATABASE'] as string })
}

/** Names and places go by the environment, where libpq takes them as they are: as an argument, `dbname` may be a whole address. */
async function environment(
  { host, port, user, passwordFile }: Connection,
  secrets: PrivateFolder,
): Promise<Record<string, string>> {
  const isLocal =
    host === undefined || host.startsWith('/') || host === 'localhost' || host === '127.0.0.1' || host === '::1'
  return {
    PGHOST: host ?? defaultFolder,
    PGPORT: String(port ?? defaultPort),
    PGDATABASE: 'postgres',
    PGCONNECT_TIMEOUT: '15',
    PGAPPNAME: 'understudy',
    PGSSLMODE: isLocal ? 'prefer' : 'require',
    ...(user !== undefined && { PGUSER: user }),
    PGPASSFILE: await secrets.write('pgpass', await passwordLine(passwordFile)),
  }
}

// An empty file where there is no password: otherwise the one in somebody's home would count.
async function passwordLine(file: string | undefined): Promise<string> {
  if (file === undefined) return ''
  return `*:*:*:*:${(await readPassword(file)).replace(/[\\:]/g, '\\$&')}\n`
}

/**
 * Over a local socket the server lets in by the name of the system's user (peer): the owner of the socket is the one whom
 * the server runs as, and that user is the superuser.
 */
async function userFor({ host = defaultFolder, port = defaultPort }: Connection): Promise<ProgramUser | undefined> {
  if (process.getuid?.() !== 0 || !host.startsWith('/')) return undefined
  const { uid, gid } = await stat(join(host, `.s.PGSQL.${port}`)).catch(() => ({ uid: 0, gid: 0 }))
  return uid === 0 ? undefined : { uid, gid }
}

interface Client {
  readonly folder: string
  readonly version: string
}

interface ClientChoice extends Cancellable {
  readonly folders: readonly string[]
  readonly server: string
}

/** Of the server's own version where there is one: what a newer `pg_dump` writes may be nothing for the server it came from. */
async function chooseClient(name: string, { folders, server, signal }: ClientChoice): Promise<Client> {
  const found: Client[] = []
  for (const folder of folders) {
    const program = findProgram(['pg_dump'], [folder])
    if (program === undefined) continue
    const version = await versionOf(program, { signal }).catch((thrown: unknown) => {
      throw notStarted(program, postgresqlPackage, thrown)
    })
    if (version !== undefined) found.push({ folder, version: numbersOf(version.replace(/^\D*/, '')).join('.') })
  }
  const major = (version: string) => numbersOf(version)[0] as number
  const sorted = found.toSorted((a, b) => major(a.version) - major(b.version))
  const newest = sorted.at(-1)
  if (!newest) throw new DatabaseError('DATABASE_TOOL_MISSING', { program: 'pg_dump', ...postgresqlPackage })
  const fitting = sorted.find(({ version }) => major(version) >= major(server))
  if (fitting) return fitting
  throw new DatabaseError('DATABASE_CLIENT_OLD', {
    program: 'pg_dump',
    client: newest.version,
    server: `${name} is of ${server}`,
  })
}
