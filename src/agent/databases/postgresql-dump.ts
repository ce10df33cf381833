import type { Cancellable } from '#base'

import { DatabaseError } from './errors.ts'
import { findingOf } from './evidence.ts'
import { componentOf } from './plan.ts'
import type { ServerPlan } from './plan.ts'
import { creationOf } from './postgresql-creation.ts'
import { openPostgresql } from './postgresql-server.ts'
import type { PostgresqlServer } from './postgresql-server.ts'
import type { AbsentDump, PlannedDump, Survey } from './survey.ts'

/** How long `pg_dump` waits for a table that somebody else holds, in milliseconds. */
const lockPatience = 300_000

/**
 * How a PostgreSQL server is dumped: its roles and tablespaces, and of each database how it is made (`.create.sql`) and what
 * is in it (`.sql`), as plain SQL (docs/decisions/0011-databases-are-dumped-as-plain-sql.md). Throws as `openPostgresql`.
 */
export async function surveyPostgresql(plan: ServerPlan, options: Cancellable = {}): Promise<Survey> {
  const server = await openPostgresql(plan, options)
  const { version, clientVersion, databases } = server
  const folder = `databases/postgresql/${plan.name}`
  const wanted = plan.databases ?? databases.map(({ name }) => name).filter((name) => name !== 'template0')
  const dumps: PlannedDump[] = serverDumps(server, folder)
  const absent: AbsentDump[] = []
  for (const name of new Set(wanted)) {
    const found = databases.find((database) => database.name === name)
    const path = `${folder}/${componentOf(name)}`
    if (found?.isOpen === true) dumps.push(...databaseDumps(server, { name, path, ...options }))
    else {
      const error = new DatabaseError(found ? 'DATABASE_CLOSED' : 'DATABASE_MISSING', {
        database: name,
        name: plan.name,
      })
      absent.push({ kind: 'database', subject: name, path: `${path}.sql`, error })
    }
  }
  const about = { engine: 'postgresql', name: plan.name, serverVersion: version, clientVersion, dumps, absent } as const
  return { ...about, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

function serverDumps(server: PostgresqlServer, folder: string): PlannedDump[] {
  const { isSuperuser, name } = server
  const withoutPasswords = new DatabaseError('DATABASE_PASSWORDS_LEFT_OUT', { name })
  const rolesArgs = ['--roles-only', '--no-password', ...(isSuperuser ? [] : ['--no-role-passwords'])]
  const base = { kind: 'server', isWhole: isWholeCluster, isConsistent: true } as const
  return [
    {
      ...base,
      subject: 'roles',
      path: `${folder}/globals.roles.sql`,
      from: server.order('pg_dumpall', rolesArgs),
      warnings: isSuperuser ? [] : [findingOf(withoutPasswords)],
    },
    {
      ...base,
      subject: 'tablespaces',
      path: `${folder}/globals.tablespaces.sql`,
      from: server.order('pg_dumpall', ['--tablespaces-only', '--no-password']),
      warnings: [],
    },
  ]
}

interface Wanted extends Cancellable {
  readonly name: string
  readonly path: string
}

function databaseDumps(server: PostgresqlServer, { name, path, ...options }: Wanted): PlannedDump[] {
  const usual = ['--no-password', `--lock-wait-timeout=${lockPatience}`]
  const base = { subject: name, isConsistent: true, warnings: [] }
  const create = async () => await creationOf(server, name, options)
  return [
    { ...base, kind: 'creation', path: `${path}.create.sql`, from: create, isWhole: () => true },
    {
      ...base,
      kind: 'database',
      path: `${path}.sql`,
      from: server.order('pg_dump', usual, name),
      isWhole: isWholeDatabase,
    },
  ]
}

// Newer versions set the mode of psql back behind their last line, with a word that is another one each time.
function isWholeDatabase(tail: string): boolean {
  return /\n-- PostgreSQL database dump complete\n--\n+(?:\\unrestrict \w+\n+)?$/.test(tail)
}

function isWholeCluster(tail: string): boolean {
  return /\n-- PostgreSQL database cluster dump complete\n--\n+$/.test(tail)
}
