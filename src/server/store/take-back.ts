import { existsSync } from 'node:fs'
import { sql } from 'kysely'
import { messageOf, systemClock } from '#base'
import { ServerError } from '../errors.ts'
import { migrateTo } from './migrate.ts'
import type { Migrated, MigrateOptions } from './migrate.ts'
import { applicationName, isPostgres, openStore } from './store.ts'
import type { Store } from './store.ts'

/** What becomes of a schema that is taken back. */
export interface BackPlan {
  /** The last step that stays. */
  readonly to: string
  /** Steps that go, the newest first, with all that only they have. */
  readonly gone: readonly string[]
}

/** Opens control data that is there; nothing is made. Throws `DATABASE_UNREACHABLE`. */
export async function openExistingStore(location: string): Promise<Store> {
  if (!isPostgres(location) && !existsSync(location)) {
    throw new ServerError('DATABASE_UNREACHABLE', { location, reason: 'there is none' })
  }
  return await openStore(location)
}

/**
 * Plans to take the schema back to just after a step: by its name, by its number, or, if none is said, by one step.
 * Throws `SCHEMA_STEP_UNKNOWN`, `SCHEMA_STEP_FIRST`.
 */
export function planBack(done: readonly string[], wanted?: string): BackPlan {
  const at = wanted === undefined ? done.length - 2 : done.findIndex((step) => isCalled(step, wanted))
  const to = done[at]
  if (to !== undefined) return { to, gone: done.slice(at + 1).toReversed() }
  if (wanted === undefined) throw new ServerError('SCHEMA_STEP_FIRST')
  throw new ServerError('SCHEMA_STEP_UNKNOWN', { step: wanted, steps: done.join(', ') || 'none' })
}

/** `0007-looks` is called `0007-looks`, `0007` and `7`. */
function isCalled(step: string, wanted: string): boolean {
  const [number = ''] = step.split('-')
  return step === wanted || (/^\d{1,4}$/.test(wanted) && Number(wanted) === Number(number))
}

/**
 * Takes the schema back after a copy was made. Throws `DATABASE_IN_USE` while a server works with it, as that would go on
 * with tables that are gone, and what `migrateTo` throws.
 */
export async function takeBack(store: Store, { to }: BackPlan, options: MigrateOptions): Promise<Migrated> {
  await requireUnused(store)
  return await migrateTo(store, to, options)
}

async function requireUnused({ db, engine, location }: Store): Promise<void> {
  const isUnused = await (engine === 'sqlite' ? isUnusedFile(db) : isUnusedDatabase(db))
  if (!isUnused) throw new ServerError('DATABASE_IN_USE', { location })
}

/** Nobody can leave write-ahead logging while somebody else has the file open: https://sqlite.org/pragma.html#pragma_journal_mode. */
async function isUnusedFile(db: Store['db']): Promise<boolean> {
  try {
    await sql`pragma journal_mode = delete`.execute(db)
  } catch (thrown) {
    if (/locked|busy/i.test(messageOf(thrown))) return false
    throw thrown
  }
  await sql`pragma journal_mode = wal`.execute(db)
  return true
}

/** PostgreSQL shows who has just gone for a moment longer. */
const goingTakes = 1_000
const lookEvery = 50

async function isUnusedDatabase(db: Store['db']): Promise<boolean> {
  for (let waited = 0; waited <= goingTakes; waited += lookEvery) {
    if ((await othersAt(db)) === 0) return true
    await systemClock.sleep(lookEvery)
  }
  return false
}

async function othersAt(db: Store['db']): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from pg_stat_activity
    where datname = current_database() and application_name = ${applicationName} and pid <> pg_backend_pid()`.execute(
    db,
  )
  return rows[0]?.count ?? 0
}
