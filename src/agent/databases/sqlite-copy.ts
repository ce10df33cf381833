import { closeSync, openSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { DatabaseSync, backup } from 'node:sqlite'
import { pathToFileURL } from 'node:url'

/**
 * A program of its own: copies a SQLite database as of one moment, checks the copy, and prints it. In a process of its own,
 * because a database may have been made to harm whoever opens it, because it works as the owner of the database, and
 * because checking a large one takes minutes. Loads nothing of ours: others may not be able to read where we lie.
 */
export interface CopyOrder {
  /** Undefined when there is a copy already, which is only to be checked. */
  readonly database: string | undefined
  /** Where the copy is made. */
  readonly copy: string
  /** Where the report is written. */
  readonly report: string
  /** Who to be; undefined to stay who we are. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined
}

export interface CopyReport {
  /** Why there is no copy. */
  readonly error?: { readonly sqlite: number; readonly message: string } | undefined
  /** What is wrong with the copy. */
  readonly damage: readonly string[]
  readonly bytes: number
  readonly counts: { readonly tables: number; readonly rows: number }
}

/** How long a lock of the application's is waited for, in milliseconds. */
const lockPatience = 60_000
/**
 * All pages in one step. In several steps, a writer between two of them would make the copying begin anew, for ever if there is
 * always one.
 */
const allPages = 2 ** 31 - 1
const pieceSize = 1 << 20
const mostComplaints = 10

const nothing = { damage: [], bytes: 0, counts: { tables: 0, rows: 0 } }

async function main({ database, copy, report, user }: CopyOrder): Promise<void> {
  if (user) become(user)
  const write = (content: CopyReport) => writeFileSync(report, JSON.stringify(content))
  if (database === undefined) return write(examine(copy))
  try {
    using source = openDatabase(database)
    await backup(source, copy, { rate: allPages })
  } catch (thrown) {
    process.exitCode = 1
    return write({ ...nothing, error: describe(thrown) })
  }
  write(examine(copy))
  print(copy)
}

function become({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
  if (uid === process.getuid?.()) return
  process.setgroups?.([])
  process.setgid?.(gid)
  process.setuid?.(uid)
}

/**
 * For reading, where that is possible. An application that crashed may have left a transaction half done, and only who may write
 * can take it back; any program that opens the database next would.
 */
function openDatabase(path: string): DatabaseSync {
  try {
    return opened(path, 'ro')
  } catch (thrown) {
    const primary = describe(thrown).sqlite & 0xff
    if (primary !== sqliteReadOnly && primary !== sqliteCannotOpen) throw thrown
    return opened(path, 'rw')
  }
}

const sqliteReadOnly = 8
const sqliteCannotOpen = 14

function opened(path: string, mode: 'ro' | 'rw'): DatabaseSync {
  const address = new URL(`${pathToFileURL(path).href}?mode=${mode}`)
  const database = new DatabaseSync(address, { readOnly: mode === 'ro', timeout: lockPatience })
  try {
    database.prepare('select count(*) from sqlite_schema').get() // a lock and a file that is no database show here
    return database
  } catch (thrown) {
    database.close()
    throw thrown
  }
}

function examine(path: string): CopyReport {
  const bytes = statSync(path).size
  try {
    using database = new DatabaseSync(path, { readOnly: true })
    const checked = database.prepare(`pragma integrity_check(${mostComplaints})`).all()
    const complaints = checked.map((row) => String(row['integrity_check'])).filter((line) => line !== 'ok')
    return { damage: complaints, bytes, counts: countRows(database) }
  } catch (thrown) {
    return { ...nothing, bytes, damage: [describe(thrown).message] }
  }
}

// A virtual table needs the module of its application; what it holds lies in tables that are counted.
function countRows(database: DatabaseSync): CopyReport['counts'] {
  const tables = database
    .prepare("select name from sqlite_schema where type = 'table' and sql not like 'create virtual%' order by name")
    .all()
    .map(({ name }) => `"${String(name).replaceAll('"', '""')}"`)
  const rows = tables.map((name) => Number(database.prepare(`select count(*) as n from ${name}`).get()?.['n']))
  return { tables: tables.length, rows: rows.reduce((sum, count) => sum + count, 0) }
}

function print(path: string): void {
  const file = openSync(path, 'r')
  const buffer = Buffer.alloc(pieceSize)
  for (let length; (length = readSync(file, buffer)) > 0;) {
    for (let written = 0; written < length;) written += writeSync(1, buffer, written, length - written)
  }
  closeSync(file)
}

function describe(thrown: unknown): NonNullable<CopyReport['error']> {
  const { errcode = 0, message } = thrown as Error & { readonly errcode?: number }
  return { sqlite: errcode, message }
}

await main(JSON.parse(process.argv[2] as string) as CopyOrder)
