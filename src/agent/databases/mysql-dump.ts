import type { Cancellable } from '#base'

import { DatabaseError } from './errors.ts'
import { findingOf } from './evidence.ts'
import type { Finding } from './evidence.ts'
import { missingRights } from './mysql-rights.ts'
import { mysqlName, openMysql } from './mysql-server.ts'
import type { MysqlServer } from './mysql-server.ts'
import { usersOf } from './mysql-users.ts'
import { componentOf } from './plan.ts'
import type { ServerPlan } from './plan.ts'
import type { AbsentDump, PlannedDump, Survey } from './survey.ts'

/** The server's own, which a server has from its beginning; accounts are dumped as statements. */
const ownSchemas = ['information_schema', 'performance_schema', 'mysql', 'sys', 'ndbinfo']

const databasesSql = `select json_object('name', SCHEMA_NAME, 'characterSet', DEFAULT_CHARACTER_SET_NAME,
  'collation', DEFAULT_COLLATION_NAME) from information_schema.SCHEMATA order by SCHEMA_NAME`

const unsafeTablesSql = `select json_object('database', t.TABLE_SCHEMA, 'table', t.TABLE_NAME, 'engine', t.ENGINE)
  from information_schema.TABLES t left join information_schema.ENGINES e on e.ENGINE = t.ENGINE
  where t.TABLE_TYPE = 'BASE TABLE' and coalesce(e.TRANSACTIONS, 'NO') <> 'YES'
  and t.TABLE_SCHEMA not in (${ownSchemas.map((name) => `'${name}'`).join(', ')})`

interface Database {
  readonly name: string
  readonly characterSet: string
  readonly collation: string
}

interface UnsafeTable {
  readonly database: string
  readonly table: string
}

/**
 * How a MariaDB or MySQL server is dumped: its accounts, and of each database how it is made and what is in it.
 * Throws as `openMysql`.
 */
export async function surveyMysql(plan: ServerPlan, options: Cancellable = {}): Promise<Survey> {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await openMysql(plan, options))
  const { flavour, version, clientVersion } = server
  const databases = parseRows<Database>(await server.query(databasesSql, options)).filter(
    ({ name }) => !ownSchemas.includes(name.toLowerCase()),
  )
  const unsafe = parseRows<UnsafeTable>(await server.query(unsafeTablesSql, options))
  const grants = await server.query('show grants', options)
  const folder = `databases/${flavour}/${plan.name}`
  const dumps: PlannedDump[] = [usersDump(server, folder)]
  const absent: AbsentDump[] = []
  for (const name of new Set(plan.databases ?? databases.map((database) => database.name))) {
    const found = databases.find((database) => database.name === name)
    const path = `${folder}/${componentOf(name)}`
    const rights = missingRights(grants, name)
    const error = !found
      ? new DatabaseError('DATABASE_MISSING', { database: name, name: plan.name })
      : rights.length > 0
        ? new DatabaseError('DATABASE_RIGHT_MISSING', { database: name, reason: `it lacks ${rights.join(', ')}` })
        : undefined
    if (error) absent.push({ kind: 'database', subject: name, path: `${path}.sql`, error })
    else dumps.push(...databaseDumps(server, { plan, database: found as Database, path, unsafe }))
  }
  const kept = stack.move()
  const about = { engine: flavour, name: plan.name, serverVersion: version, clientVersion, dumps, absent }
  return { ...about, [Symbol.asyncDispose]: async () => await kept.disposeAsync() }
}

/** MariaDB's own program writes accounts with their roles; MySQL's knows no such thing. */
function usersDump(server: MysqlServer, folder: string): PlannedDump {
  const usual = ['--system=users', '--skip-dump-date', '--default-character-set=utf8mb4']
  return {
    kind: 'server',
    subject: 'users',
    path: `${folder}/globals.users.sql`,
    from: server.flavour === 'mariadb' ? server.dumpOrder(usual) : () => usersOf(server),
    isWhole,
    isConsistent: true,
    warnings: [],
  }
}

interface Wanted {
  readonly plan: ServerPlan
  readonly database: Database
  readonly path: string
  readonly unsafe: readonly UnsafeTable[]
}

function databaseDumps(server: MysqlServer, { plan, database, path, unsafe }: Wanted): PlannedDump[] {
  const { name, characterSet, collation } = database
  const tables = unsafe.filter((table) => table.database === name).map(({ table }) => table)
  const isConsistent = plan.lockTables === true || tables.length === 0
  const create = `CREATE DATABASE ${mysqlName(name)} CHARACTER SET ${characterSet} COLLATE ${collation};\n`
  const base = { subject: name, isConsistent }
  return [
    {
      ...base,
      kind: 'creation',
      path: `${path}.create.sql`,
      from: async () => create,
      isWhole: () => true,
      warnings: [],
    },
    {
      ...base,
      kind: 'database',
      path: `${path}.sql`,
      from: server.dumpOrder([...dumpFlags(server, plan), '--', name]),
      isWhole,
      warnings: isConsistent ? [] : [inconsistent(name, tables)],
    },
  ]
}

// Without its date a dump of what has not changed has the same bytes, and takes no room.
function dumpFlags({ flavour }: MysqlServer, { lockTables = false }: ServerPlan): string[] {
  return [
    lockTables ? '--lock-tables' : '--single-transaction',
    '--quick',
    '--routines',
    '--events',
    '--triggers',
    '--hex-blob',
    '--skip-dump-date',
    '--default-character-set=utf8mb4',
    '--max-allowed-packet=1G',
    ...(flavour === 'mysql' ? ['--set-gtid-purged=OFF', '--no-tablespaces', '--column-statistics=0'] : []),
  ]
}

function isWhole(tail: string): boolean {
  return /\n-- Dump completed(?: on [\d :-]+)?\n+$/.test(tail)
}

/** Named in a warning: so many say enough. */
const mostNames = 5

function inconsistent(database: string, tables: readonly string[]): Finding {
  const more = tables.length > mostNames ? ` and ${tables.length - mostNames} more` : ''
  const named = `${tables.slice(0, mostNames).join(', ')}${more}`
  return findingOf(new DatabaseError('DATABASE_INCONSISTENT', { database, tables: named }))
}

function parseRows<Row>(lines: readonly string[]): Row[] {
  return lines.map((line) => JSON.parse(line) as Row)
}
