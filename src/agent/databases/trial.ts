import { systemClock } from '#base'
import type { Cancellable, Clock } from '#base'

import { DatabaseError } from './errors.ts'
import type { ContentCounts } from './evidence.ts'
import { loadInto } from './load.ts'
import { trySqlite } from './load-sqlite.ts'
import { startScratchServer } from './scratch.ts'
import type { ScratchServer } from './scratch.ts'
import type { StoredDump } from './stored-dump.ts'

export interface TrialOptions extends Cancellable {
  /** PostgreSQL: the files `globals.roles.sql` and `globals.tablespaces.sql` of the same snapshot, which its databases speak of. */
  readonly roles?: string | undefined
  readonly tablespaces?: string | undefined
  /** Where the scratch server lies. Default: the system's folder for temporary files. */
  readonly workFolder?: string | undefined
  /** Folder of the server's and the client's programs. */
  readonly programs?: string | undefined
  readonly clock?: Clock
}

/** Evidence of a trial: what arrived, and how long that took from nothing to a server that answers. */
export interface TrialResult extends ContentCounts {
  readonly bytes: number
  /** In milliseconds, with the start of the server. */
  readonly duration: number
  /** In milliseconds, the loading alone: bytes by it give a rate. */
  readonly loading: number
}

/**
 * Loads a dump into a scratch server (SQLite: a scratch file), compares the rows that arrived with those in the dump, and removes
 * everything. Throws what is wrong with it: DATABASE_LOAD_FAILED, DATABASE_LOAD_DIFFERS; or why it cannot be tried here:
 * DATABASE_TRIAL_IMPOSSIBLE, DATABASE_TOOL_MISSING, DATABASE_SPACE_SHORT.
 */
export async function tryLoad(dump: StoredDump, options: TrialOptions = {}): Promise<TrialResult> {
  const { clock = systemClock, signal, workFolder } = options
  const { engine, bytes, database } = dump
  const began = clock.monotonic()
  const since = (from: number) => Math.round(clock.monotonic() - from)
  if (engine === 'sqlite') {
    const counts = await trySqlite(dump, workFolder, { signal })
    return { ...counts, bytes, duration: since(began), loading: since(began) }
  }
  if (engine !== 'postgresql' && engine !== 'mariadb') {
    const reason = 'only servers of PostgreSQL and MariaDB are started for it'
    throw new DatabaseError('DATABASE_TRIAL_IMPOSSIBLE', { database, reason })
  }
  await using server = await startScratchServer(engine, { ...options, bytes })
  await prepare(server, options)
  const { tables, rows, duration } = await loadInto(server.loader, dump, {
    as: 'trial',
    name: 'the trial server',
    signal,
    clock,
  })
  return { tables, rows, bytes, duration: since(began), loading: duration }
}

async function prepare({ loader, folder }: ScratchServer, { roles, tablespaces = '' }: TrialOptions): Promise<void> {
  const statements: string[] = []
  // Of the tablespaces only the names: where they lie is where the server that is backed up has its data.
  for (const [, name] of tablespaces.matchAll(/^CREATE TABLESPACE ("(?:[^"\n]|"")+"|\w+) /gm)) {
    statements.push(`CREATE TABLESPACE ${name} LOCATION '${await folder()}';`)
  }
  const complaints = await loader.loadAccounts([roles ?? '', ...statements].join('\n'))
  const [complaint] = complaints
  if (complaint !== undefined)
    throw new DatabaseError('DATABASE_LOAD_FAILED', { database: 'the roles of the server', reason: complaint })
}
