import type { Cancellable } from '#base'

import type { ProgramOrder } from '../programs/start-program.ts'
import { DatabaseError } from './errors.ts'
import { failureOf } from './failures.ts'
import type { Connection, ServerPlan } from './plan.ts'
import { ask, findProgram, notStarted, numbersOf, programFolders, versionOf } from './programs.ts'
import type { AskOptions } from './programs.ts'
import { makePrivateFolder, readPassword } from './secrets.ts'

/** MariaDB and MySQL: two servers, two sets of client programs, and dumps that the other one may not understand. */
export type MysqlFlavour = 'mariadb' | 'mysql'

/** A way to a MariaDB or MySQL server, and the client programs that fit it. */
export interface MysqlServer extends AsyncDisposable {
  readonly name: string
  readonly flavour: MysqlFlavour
  readonly version: string
  readonly clientVersion: string
  /** A call of the dump program. */
  dumpOrder(args: readonly string[]): ProgramOrder
  /** A call of the client program. */
  clientOrder(args: readonly string[]): ProgramOrder
  /** Runs SQL; gives its rows as lines, columns with tabs between. Throws what the server says. */
  query(sql: string, options?: AskOptions): Promise<string[]>
}

export const mysqlPackages = {
  mariadb: { engine: 'MariaDB', package: 'mariadb-client' },
  mysql: { engine: 'MySQL', package: 'default-mysql-client' },
} as const

const dumpNames = { mariadb: ['mariadb-dump', 'mysqldump'], mysql: ['mysqldump'] } as const

/**
 * Asks a server who it is, and makes sure that the client programs are of its kind and not older. Throws
 * DATABASE_SERVER_UNREACHABLE, DATABASE_LOGIN_REFUSED, DATABASE_TOOL_MISSING, DATABASE_CLIENT_OLD, DATABASE_CLIENT_FOREIGN,
 * DATABASE_SECRET_UNREADABLE.
 */
export async function openMysql(
  { name, connection = {}, programs }: Pick<ServerPlan, 'name' | 'connection' | 'programs'>,
  { signal }: Cancellable = {},
): Promise<MysqlServer> {
  const folders = programFolders(programs)
  const client = findProgram(['mariadb', 'mysql'], folders)
  if (client === undefined)
    throw new DatabaseError('DATABASE_TOOL_MISSING', { program: 'mariadb', ...mysqlPackages.mariadb })
  await using stack = new AsyncDisposableStack()
  const secrets = stack.use(await makePrivateFolder())
  const options = await secrets.write('client.cnf', await optionFile(connection))
  // No other option file is read: what somebody set for themselves must not change what a dump holds.
  const only = `--defaults-file=${options}`
  const way: Way = { name, client, only }
  const [version = ''] = await runSql(way, 'select version()', { signal })
  const flavour = /mariadb/i.test(version) ? 'mariadb' : 'mysql'
  const dump = findProgram(dumpNames[flavour], folders)
  if (dump === undefined)
    throw new DatabaseError('DATABASE_TOOL_MISSING', { program: dumpNames[flavour][0], ...mysqlPackages[flavour] })
  const clientVersion = await fittingClient(dump, { flavour, server: version, name, signal })
  const kept = stack.move()
  return {
    name,
    flavour,
    version,
    clientVersion,
    dumpOrder: (args) => ({ program: dump, args: [only, ...args] }),
    clientOrder: (args) => ({ program: client, args: [only, ...args] }),
    query: async (sql, queryOptions = {}) => await runSql(way, sql, queryOptions),
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  }
}

/** An identifier in SQL. */
export function mysqlName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

interface Way {
  readonly name: string
  readonly client: string
  readonly only: string
}

async function runSql({ name, client, only }: Way, sql: string, options: AskOptions): Promise<string[]> {
  const args = [
    only,
    '--connect-timeout=15',
    '--batch',
    '--raw',
    '--skip-column-names',
    '--default-character-set=utf8mb4',
  ]
  const result = await ask({ program: client, args }, mysqlPackages.mariadb, { input: sql, ...options })
  if (result.code === 0) return result.stdout.split('\n').filter((line) => line !== '')
  throw failureOf({ ...result, program: client, engine: 'MariaDB or MySQL', name, database: 'the server' })
}

/** What all programs are told in a file, because others can read a command line. */
async function optionFile({ host, port, user, passwordFile }: Connection): Promise<string> {
  const password = passwordFile === undefined ? undefined : await readPassword(passwordFile)
  const isLocal =
    host === undefined || host.startsWith('/') || host === 'localhost' || host === '127.0.0.1' || host === '::1'
  const lines = ['[client]']
  if (host?.startsWith('/')) lines.push(`socket=${quoted(host)}`)
  else if (host !== undefined) lines.push(`host=${quoted(host)}`)
  if (port !== undefined) lines.push(`port=${port}`)
  if (user !== undefined) lines.push(`user=${quoted(user)}`)
  if (password !== undefined) lines.push(`password=${quoted(password)}`)
  if (!isLocal) lines.push('ssl')
  return `${lines.join('\n')}\n`
}

function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`
}

interface Fitting extends Cancellable {
  readonly flavour: MysqlFlavour
  readonly server: string
  readonly name: string
}

async function fittingClient(program: string, { flavour, server, name, signal }: Fitting): Promise<string> {
  const said = await versionOf(program, { signal }).catch((thrown: unknown) => {
    throw notStarted(program, mysqlPackages[flavour], thrown)
  })
  const about = { program, client: said ?? 'an unknown version', server: `${name} is of ${server}` }
  if (/mariadb/i.test(said ?? '') !== (flavour === 'mariadb')) throw new DatabaseError('DATABASE_CLIENT_FOREIGN', about)
  // MariaDB: `Ver 10.19 Distrib 10.11.19-MariaDB` or `from 11.8.2-MariaDB, client 10.19`; MySQL: `Ver 8.0.36`.
  const [, client] = /(?:Distrib|from) ([\d.]+)/.exec(said ?? '') ?? /Ver ([\d.]+)/.exec(said ?? '') ?? []
  if (client === undefined || isOlder(client, server))
    throw new DatabaseError('DATABASE_CLIENT_OLD', { ...about, client: client ?? said })
  return client
}

/** By the first two numbers: within a series nothing that a dump holds is new. */
function isOlder(client: string, server: string): boolean {
  const [[a = 0, b = 0], [c = 0, d = 0]] = [numbersOf(client), numbersOf(server)]
  return a < c || (a === c && b < d)
}
