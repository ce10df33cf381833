import { join } from 'node:path'
import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import type { Migration, MigrationResultSet } from 'kysely/migration'
import { messageOf, systemClock } from '#base'
import type { Clock } from '#base'
import { ServerError } from '../errors.ts'
import { schemaSteps } from './migrations/index.ts'
import type { SchemaStep } from './migrations/index.ts'
import type { Store } from './store.ts'

export interface MigrateOptions {
  /** Where a copy of a SQLite file is put before its schema changes. In PostgreSQL it is a schema of its own. */
  readonly copyFolder: string
  readonly clock?: Clock
  readonly steps?: Readonly<Record<string, SchemaStep>>
}

export interface Migrated {
  /** Steps that were taken, forward or back. */
  readonly steps: readonly string[]
  /** Where the copy is; undefined when there was nothing to copy or nothing to do. */
  readonly copy: string | undefined
}

/** Brings the schema to its newest state. Throws `DATABASE_NEWER`, `SCHEMA_STEP_FAILED`. */
export async function migrate(store: Store, options: MigrateOptions): Promise<Migrated> {
  const { steps = schemaSteps } = options
  const done = await stepsDone(store)
  refuseNewer(done, steps)
  if (Object.keys(steps).every((step) => done.includes(step))) return { steps: [], copy: undefined }
  const copy = await copyData(store, done.at(-1), options)
  return finish(await migratorOf(store, steps).migrateToLatest(), copy)
}

/**
 * Takes the schema forward or back to just after a step; what only newer steps have is gone then, but for the copy.
 * Throws `SCHEMA_STEP_UNKNOWN`, `DATABASE_NEWER`, `SCHEMA_STEP_FAILED`.
 */
export async function migrateTo(store: Store, step: string, options: MigrateOptions): Promise<Migrated> {
  const { steps = schemaSteps } = options
  if (!(step in steps)) {
    throw new ServerError('SCHEMA_STEP_UNKNOWN', { step, steps: Object.keys(steps).join(', ') })
  }
  const done = await stepsDone(store)
  refuseNewer(done, steps)
  if (done.at(-1) === step) return { steps: [], copy: undefined }
  const copy = await copyData(store, done.at(-1), options)
  return finish(await migratorOf(store, steps).migrateTo(step), copy)
}

/** Names of the steps that the schema has, in their order. */
export async function stepsDone({ db }: Store): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === 'kysely_migration' || name === 'kyselyMigration')) return []
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return rows.map(({ name }) => name)
}

function refuseNewer(done: readonly string[], steps: Readonly<Record<string, SchemaStep>>): void {
  const unknown = done.find((step) => !(step in steps))
  const known = Object.keys(steps).at(-1)
  if (unknown !== undefined) throw new ServerError('DATABASE_NEWER', { step: unknown, known })
}

function migratorOf({ db, engine }: Store, steps: Readonly<Record<string, SchemaStep>>): Migrator {
  const bound = (step: SchemaStep): Migration => ({
    up: async (on: Kysely<unknown>) => await step.up(on, engine),
    down: async (on: Kysely<unknown>) => await step.down(on, engine),
  })
  const migrations = Object.fromEntries(Object.entries(steps).map(([name, step]) => [name, bound(step)]))
  return new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } })
}

function finish({ error, results = [] }: MigrationResultSet, copy: string | undefined): Migrated {
  if (error !== undefined) {
    const step = results.find(({ status }) => status === 'Error')?.migrationName ?? 'none'
    throw new ServerError('SCHEMA_STEP_FAILED', { step, reason: messageOf(error), copy: copy ?? 'none', cause: error })
  }
  return { steps: results.map(({ migrationName }) => migrationName), copy }
}

/** `after`: the last step that was taken; undefined: there is nothing to copy. */
async function copyData(
  { db, engine }: Store,
  after: string | undefined,
  { copyFolder, clock = systemClock }: MigrateOptions,
): Promise<string | undefined> {
  if (after === undefined) return undefined
  const stamp = `${after}-${clock.now()}`
  if (engine === 'sqlite') {
    const file = join(copyFolder, `control-after-${stamp}.db`)
    await sql`vacuum into ${file}`.execute(db)
    return file
  }
  const name = `after_${stamp.replaceAll('-', '_')}`
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  // Old copies have the same names in schemas of their own.
  const current = tables.filter(({ schema }) => schema === 'public')
  await db.transaction().execute(async (transaction) => {
    await sql`set transaction isolation level repeatable read`.execute(transaction)
    await sql`create schema ${sql.id(name)}`.execute(transaction)
    for (const table of current) {
      const [to, from] = [sql.id(name, table.name), sql.id('public', table.name)]
      await sql`create table ${to} as table ${from}`.execute(transaction)
    }
  })
  return `schema ${name}`
}
