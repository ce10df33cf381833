import { lstat, open, rename, rm } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'

import { systemClock } from '#base'
import type { Cancellable, Clock } from '#base'

import { DatabaseError } from './errors.ts'
import type { ContentCounts } from './evidence.ts'
import { makePrivateFolder } from './secrets.ts'
import { checkSqliteFile } from './sqlite-dump.ts'
import type { StoredDump } from './stored-dump.ts'

export interface LoadSqliteOptions extends Cancellable {
  /** Puts the new file in the place of one that is there, which keeps its content under another name. */
  readonly replace?: boolean
  readonly clock?: Clock
}

export interface LoadedSqlite extends ContentCounts {
  readonly path: string
  /** What the file that was replaced is called now. */
  readonly putAside: string | undefined
  /** In milliseconds. */
  readonly duration: number
}

/** What SQLite keeps beside a database: of another content they would destroy it. */
const companions = ['-wal', '-shm', '-journal']

/**
 * Writes a SQLite database of a snapshot to `path`, checks it and compares its counts with those at the dump; only then it gets its
 * name. The application must not have the old one open. Throws DATABASE_EXISTS, DATABASE_LOAD_FAILED, DATABASE_LOAD_DIFFERS.
 */
export async function loadSqlite(
  dump: StoredDump,
  path: string,
  options: LoadSqliteOptions = {},
): Promise<LoadedSqlite> {
  const { replace = false, clock = systemClock, signal } = options
  const began = clock.monotonic()
  const isThere = await exists(path)
  if (isThere && !replace) throw new DatabaseError('DATABASE_EXISTS', { database: path, name: 'this machine' })
  const suffix = randomBytes(4).toString('hex')
  const fresh = `${path}.new-${suffix}`
  try {
    await write(dump, fresh)
    const counts = await check(dump, fresh, { signal })
    const aside = `${path}.before-${suffix}`
    if (isThere) await moveWithCompanions(path, aside)
    else await removeCompanions(path)
    await rename(fresh, path)
    return { ...counts, path, putAside: isThere ? aside : undefined, duration: Math.round(clock.monotonic() - began) }
  } finally {
    await rm(fresh, { force: true })
    await removeCompanions(fresh)
  }
}

/** Loads it into a folder that goes again, and compares. */
export async function trySqlite(
  dump: StoredDump,
  workFolder: string | undefined,
  options: Cancellable,
): Promise<ContentCounts> {
  await using folder = await makePrivateFolder(undefined, workFolder)
  const file = `${folder.path}/trial.db`
  await write(dump, file)
  return await check(dump, file, options)
}

async function check(dump: StoredDump, file: string, options: Cancellable): Promise<ContentCounts> {
  await using folder = await makePrivateFolder()
  const found = await checkSqliteFile(file, folder.path, options)
  const { counts } = dump
  if (!counts || (counts.tables === found.tables && counts.rows === found.rows)) return found
  const words = ({ tables, rows }: ContentCounts) => `${tables} tables with ${rows} rows`
  throw new DatabaseError('DATABASE_LOAD_DIFFERS', { expected: words(counts), found: words(found), database: file })
}

async function write(dump: StoredDump, to: string): Promise<void> {
  await using file = await open(to, 'wx', 0o600)
  await dump.pour(async (bytes) => await file.writeFile(bytes))
  await file.sync()
}

async function moveWithCompanions(from: string, to: string): Promise<void> {
  for (const companion of companions) if (await exists(from + companion)) await rename(from + companion, to + companion)
  await rename(from, to)
}

async function removeCompanions(of: string): Promise<void> {
  for (const companion of companions) await rm(of + companion, { force: true })
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  )
}
