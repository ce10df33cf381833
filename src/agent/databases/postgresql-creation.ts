import type { Cancellable } from '#base'

import { DatabaseError } from './errors.ts'
import { failureOf } from './failures.ts'
import { postgresqlPackage } from './postgresql-server.ts'
import type { PostgresqlServer } from './postgresql-server.ts'
import { ask } from './programs.ts'

/**
 * How a database is made: its encoding and locale, owner, comment, settings and rights. `pg_dump` writes that only together
 * with something else, so the statements that are about the database are picked out of a dump of one small table.
 */
export async function creationOf(server: PostgresqlServer, name: string, options: Cancellable = {}): Promise<string> {
  const args = ['--create', '--schema-only', '--encoding=UTF8', '--no-password', '--table=pg_catalog.pg_am']
  const order = server.order('pg_dump', args, name)
  const result = await ask(order, postgresqlPackage, options)
  const about = { program: order.program, engine: 'PostgreSQL', name: server.name, database: name }
  if (result.code !== 0) throw failureOf({ ...result, ...about })
  const picked = splitStatements(result.stdout).filter((statement) => aboutDatabase.test(statement))
  if (!picked[0]?.startsWith('CREATE DATABASE'))
    throw new DatabaseError('DATABASE_DUMP_CUT', { ...about, bytes: result.stdout.length })
  return `${[...head, ...picked].join('\n')}\n`
}

const head = [`SET client_encoding = 'UTF8';`, 'SET standard_conforming_strings = on;']

const identifier = String.raw`(?:"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*)`
const aboutDatabase = new RegExp(
  String.raw`^((?:CREATE|ALTER|COMMENT ON|GRANT [A-Z, ]+ ON|REVOKE [A-Z, ]+ ON|ALTER ROLE ${identifier} IN|SECURITY LABEL FOR ${identifier} ON) DATABASE )${identifier}`,
  'u',
)

/** The same for a database of another name: `create` makes it, `rest` is for when its content is there. */
export function creationAs(text: string, name: string): { readonly create: string; readonly rest: string } {
  const quoted = postgresqlName(name)
  const renamed = splitStatements(text)
    .filter((statement) => aboutDatabase.test(statement))
    // A template cannot be dropped, nor put in another's place.
    .filter((statement) => !/ (?:IS_TEMPLATE|ALLOW_CONNECTIONS) = \w+;$/.test(statement))
    .map((statement) => statement.replace(aboutDatabase, (_, before: string) => `${before}${quoted}`))
  const [create = '', ...rest] = renamed
  if (!create.startsWith('CREATE DATABASE'))
    throw new DatabaseError('DATABASE_LOAD_FAILED', {
      database: name,
      reason: 'it is not said how the database is made',
    })
  return { create: [...head, create].join('\n'), rest: [...head, ...rest].join('\n') }
}

/** An identifier in SQL. */
export function postgresqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text in SQL, under `standard_conforming_strings`. */
export function postgresqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/**
 * SQL cut into its statements, without comments and psql's own commands between them. Texts and names are passed over as a whole: a
 * comment on a database may hold what looks like a statement.
 */
export function splitStatements(sql: string): string[] {
  const piece = /--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|^\\[^\n]*|;|[^-'";\\]+|[^]/gmu
  const statements: string[] = []
  let statement = ''
  for (const [found] of sql.matchAll(piece)) {
    const isBetween = statement.trim() === ''
    if (found.startsWith('--') || (isBetween && found.startsWith('\\'))) continue
    statement += found
    if (found !== ';') continue
    statements.push(statement.trim())
    statement = ''
  }
  return statements
}
