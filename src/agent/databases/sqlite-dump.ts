import { readFile, realpath, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'

import { formatBytes, programModule } from '#base'
import type { Cancellable } from '#base'

import { runProgram } from '../programs/start-program.ts'
import type { ProgramOrder } from '../programs/start-program.ts'
import { DatabaseError } from './errors.ts'
import { findingOf } from './evidence.ts'
import type { ContentCounts, Finding } from './evidence.ts'
import { makePrivateFolder } from './secrets.ts'
import type { CopyOrder, CopyReport } from './sqlite-copy.ts'
import type { DumpSubject } from './survey.ts'

/** A SQLite database that is being copied. Disposing removes the copy. */
export interface SqliteDump extends AsyncDisposable {
  /** Prints the copy. */
  readonly order: ProgramOrder
  /** When it has ended: what it found. Throws why there is no good copy. */
  report(): Promise<SqliteResult>
}

export interface SqliteResult {
  readonly bytes: number
  readonly counts: ContentCounts
  readonly warnings: readonly Finding[]
}

/** Checks a file as a copy is checked, in a process of its own; `folder` is a private one. Throws what is wrong with it. */
export async function checkSqliteFile(file: string, folder: string, options: Cancellable = {}): Promise<ContentCounts> {
  const copy: CopyOrder = { database: undefined, copy: file, report: `${folder}/report.json`, user: undefined }
  await runProgram(orderOf(copy), { timeout: longestCheck, ...options })
  const { counts, warnings } = resultOf(file, await readReport(copy.report))
  const [damage] = warnings
  if (damage) throw new DatabaseError('DATABASE_LOAD_FAILED', { database: file, reason: damage.message })
  return counts
}

/** A day, in milliseconds. */
const longestCheck = 86_400_000

function orderOf(copy: CopyOrder): ProgramOrder {
  const program = fileURLToPath(programModule('agent/databases/sqlite-copy'))
  return { program: process.execPath, args: ['--no-warnings', program, JSON.stringify(copy)] }
}

export function sqliteSubject(path: string): DumpSubject {
  return { kind: 'database', subject: path, path: `databases/sqlite${path}` }
}

/** Left free for others where a copy is made. */
const margin = 16 << 20

/** Makes ready to copy a database. Throws DATABASE_MISSING, DATABASE_NOT_SQLITE, DATABASE_SPACE_SHORT. */
export async function openSqliteDump(path: string, workFolder: string = tmpdir()): Promise<SqliteDump> {
  const { database, size, owner } = await find(path)
  await checkSpace(path, size, workFolder)
  const user = process.getuid?.() === 0 ? owner : undefined
  const folder = await makePrivateFolder(user, workFolder)
  const copy: CopyOrder = { database, copy: `${folder.path}/copy.db`, report: `${folder.path}/report.json`, user }
  return {
    order: orderOf(copy),
    report: async () => resultOf(path, await readReport(copy.report)),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

interface FoundFile {
  readonly database: string
  /** Bytes of the database and of what has not been put into it yet. */
  readonly size: number
  readonly owner: { readonly uid: number; readonly gid: number }
}

async function find(path: string): Promise<FoundFile> {
  try {
    const database = await realpath(path)
    const about = await stat(database)
    if (!about.isFile()) throw new DatabaseError('DATABASE_NOT_SQLITE', { path, reason: 'it is no file' })
    if (about.size === 0) throw new DatabaseError('DATABASE_NOT_SQLITE', { path, reason: 'it is empty' })
    const log = await stat(`${database}-wal`).catch(() => ({ size: 0 }))
    return { database, size: about.size + log.size, owner: { uid: about.uid, gid: about.gid } }
  } catch (thrown) {
    if (thrown instanceof DatabaseError) throw thrown
    throw new DatabaseError('DATABASE_MISSING', { database: path, name: 'this machine', cause: thrown })
  }
}

async function checkSpace(path: string, size: number, folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const [needed, free] = [size + margin, bavail * bsize]
  if (free >= needed) return
  const words = { what: `The copy of ${path}`, folder, needed: formatBytes(needed), free: formatBytes(free) }
  throw new DatabaseError('DATABASE_SPACE_SHORT', words)
}

// Without a report it ended before its end, and how it ended tells more.
async function readReport(file: string): Promise<CopyReport | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as CopyReport
  } catch {
    return undefined
  }
}

const sqliteBusy = 5
const sqliteLocked = 6
const sqliteFull = 13

function resultOf(path: string, report: CopyReport | undefined): SqliteResult {
  if (!report)
    throw new DatabaseError('DATABASE_TOOL_FAILED', {
      program: 'The copying of it',
      code: 'none',
      reason: 'it said nothing',
    })
  const { error, bytes, counts, damage } = report
  if (error) {
    const [primary, reason] = [error.sqlite & 0xff, error.message]
    if (primary === sqliteBusy || primary === sqliteLocked)
      throw new DatabaseError('DATABASE_LOCKED', { database: path, reason })
    if (primary === sqliteFull) throw new DatabaseError('DATABASE_DISK_FULL', { database: path, reason })
    throw new DatabaseError('DATABASE_NOT_SQLITE', { path, reason })
  }
  const damaged = new DatabaseError('DATABASE_DAMAGED', { database: path, reason: damage.join('; ') })
  return { bytes, counts, warnings: damage.length > 0 ? [findingOf(damaged)] : [] }
}
