import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely'
import type { Dialect } from 'kysely'
import pg from 'pg'
import { messageOf } from '#base'
import { ServerError } from '../errors.ts'
import type { Engine } from './migrations/columns.ts'
import { NodeSqliteDialect } from './node-sqlite.ts'
import type { Tables } from './tables.ts'

export type { Engine } from './migrations/columns.ts'

/** The control data: the same tables and queries in a SQLite file and in PostgreSQL. */
export interface Store extends AsyncDisposable {
  readonly engine: Engine
  readonly db: Kysely<Tables>
  /** Where it lies, without a password. */
  readonly location: string
}

/** Connections to PostgreSQL that one server node holds at most. */
const mostConnections = 20
const int8 = 20
/** By which PostgreSQL knows connections of servers. */
export const applicationName = 'understudy'

/**
 * Opens the control data at a location: `postgres://…`, the path of a SQLite file, or ':memory:'. It has no tables before
 * `migrate`. Throws `DATABASE_UNREACHABLE`.
 */
export async function openStore(location: string): Promise<Store> {
  const shown = withoutPassword(location)
  const engine = isPostgres(location) ? 'postgres' : 'sqlite'
  let db: Kysely<Tables> | undefined
  try {
    const dialect = engine === 'postgres' ? postgres(location) : await sqlite(location)
    db = new Kysely<Tables>({ dialect, plugins: [new CamelCasePlugin()] })
    await db.selectNoFrom((about) => about.val(1).as('one')).execute()
  } catch (cause) {
    await db?.destroy().catch(() => undefined)
    throw new ServerError('DATABASE_UNREACHABLE', { location: shown, reason: messageOf(cause), cause })
  }
  const opened = db
  return { engine, db, location: shown, [Symbol.asyncDispose]: async () => await opened.destroy() }
}

export function isPostgres(location: string): boolean {
  return /^postgres(ql)?:\/\//.test(location)
}

function postgres(connectionString: string): Dialect {
  // Sums, counts and times fit a double; without this pg gives text for them.
  const types = {
    getTypeParser: (oid: number, format?: 'text' | 'binary') =>
      oid === int8 ? Number : (pg.types.getTypeParser(oid, format) as (value: string) => unknown),
  }
  const pool = new pg.Pool({
    connectionString,
    application_name: applicationName,
    max: mostConnections,
    types,
    connectionTimeoutMillis: 10_000,
  })
  // An idle connection that breaks is replaced by the pool; the query that needs one is told if that fails.
  pool.on('error', () => undefined)
  // The pool listens to idle ones only: one that breaks between two queries of a transaction would end the server. Its next
  // query is told.
  pool.on('connect', (client) => void client.on('error', () => undefined))
  return new PostgresDialect({ pool })
}

async function sqlite(file: string): Promise<Dialect> {
  if (file !== ':memory:') await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  return new NodeSqliteDialect(file)
}

function withoutPassword(location: string): string {
  if (!isPostgres(location) || !URL.canParse(location)) return location
  const url = new URL(location)
  url.password = ''
  return url.href
}
