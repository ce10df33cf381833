import { randomBytes } from 'node:crypto'

import { UnderstudyError, messageOf, systemClock } from '#base'
import type { Cancellable, Clock } from '#base'

import { DatabaseError } from './errors.ts'
import type { ContentCounts } from './evidence.ts'
import { openMysqlLoader } from './load-mysql.ts'
import { openPostgresqlLoader } from './load-postgresql.ts'
import { fill } from './loader.ts'
import type { Loader } from './loader.ts'
import type { ServerPlan } from './plan.ts'
import type { StoredDump } from './stored-dump.ts'

export interface LoadOptions extends Cancellable {
  /** The name of the new database. Default: the old one with the time behind it. */
  readonly as?: string
  /** When there is a database of that name: load beside it, look, and only then put the new one in its place. */
  readonly replace?: boolean
  readonly clock?: Clock
}

export interface LoadResult extends ContentCounts {
  readonly database: string
  /** What the database that was replaced is called now. Undefined when there was none, or it could not be kept (MariaDB, MySQL). */
  readonly putAside: string | undefined
  /** In milliseconds. */
  readonly duration: number
}

/**
 * Loads a dump into a server, as a new database, and compares the rows that are there then with those in the dump. What could not be
 * loaded whole is removed again. Throws DATABASE_EXISTS, DATABASE_LOAD_FAILED, DATABASE_LOAD_DIFFERS, and as the opening of
 * the server.
 */
export async function loadDump(
  dump: StoredDump,
  server: Omit<ServerPlan, 'databases' | 'lockTables'>,
  options: LoadOptions = {},
): Promise<LoadResult> {
  await using loader = await openLoader(server, options)
  return await loadInto(loader, dump, { ...options, name: server.name })
}

async function openLoader(
  server: Omit<ServerPlan, 'databases' | 'lockTables'>,
  options: Cancellable = {},
): Promise<Loader> {
  return await (server.engine === 'postgresql' ? openPostgresqlLoader : openMysqlLoader)(server, options)
}

/** As `loadDump`, into a server that is open; `name` is what it is called. */
export async function loadInto(
  loader: Loader,
  dump: StoredDump,
  { as, replace = false, name, signal, clock = systemClock }: LoadOptions & { readonly name: string },
): Promise<LoadResult> {
  const began = clock.monotonic()
  const target = as ?? `${dump.database}_${stampOf(clock.now())}`
  const isThere = await loader.exists(target)
  if (isThere && !replace) throw new DatabaseError('DATABASE_EXISTS', { database: target, name })
  const place = isThere ? `understudy_${randomBytes(6).toString('hex')}` : target
  const counts = await loadAs(loader, dump, { as: place, signal })
  const putAside = isThere ? await replaceBy(loader, dump, { old: target, fresh: place }) : undefined
  return { ...counts, database: target, putAside, duration: Math.round(clock.monotonic() - began) }
}

interface NewName extends Cancellable {
  readonly as: string
}

async function loadAs(loader: Loader, dump: StoredDump, { as, signal }: NewName): Promise<ContentCounts> {
  try {
    await loader.create(dump, as)
    const counts = await fill(loader, dump, { database: as, signal })
    await loader.complete(dump, as)
    return counts
  } catch (thrown) {
    await loader.drop(as).catch(() => undefined) // why it failed counts more
    throw failedTo(dump.database, thrown)
  }
}

interface Replacement {
  readonly old: string
  readonly fresh: string
}

// From here on the new one is not removed, whatever happens: it may be the only one.
async function replaceBy(loader: Loader, dump: StoredDump, { old, fresh }: Replacement): Promise<string | undefined> {
  try {
    return await loader.replace(old, fresh, dump)
  } catch (cause) {
    throw new DatabaseError('DATABASE_NOT_REPLACED', { database: old, loaded: fresh, reason: messageOf(cause), cause })
  }
}

function failedTo(database: string, thrown: unknown): unknown {
  const isOurs = thrown instanceof DatabaseError && thrown.code.startsWith('DATABASE_LOAD')
  if (isOurs || !(thrown instanceof UnderstudyError)) return thrown
  return new DatabaseError('DATABASE_LOAD_FAILED', { database, reason: thrown.message, cause: thrown })
}

/** `20261123_140501`, in UTC. */
function stampOf(time: number): string {
  return new Date(time).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '_')
}

/**
 * Makes the accounts of a server anew, from `globals.roles.sql` or `globals.users.sql`. Those that are there keep what they have.
 * Gives what the server refused.
 */
export async function loadAccounts(
  sql: string,
  server: Omit<ServerPlan, 'databases' | 'lockTables'>,
  options: Cancellable = {},
): Promise<readonly string[]> {
  await using loader = await openLoader(server, options)
  return await loader.loadAccounts(sql)
}
