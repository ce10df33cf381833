import type { Cancellable } from '#base'

import { startProgram } from '../programs/start-program.ts'
import type { ProgramOrder, StartedProgram } from '../programs/start-program.ts'
import type { DumpCounter } from './count-dump.ts'
import { DatabaseError } from './errors.ts'
import type { ContentCounts } from './evidence.ts'
import { tellingLine } from './failures.ts'
import { ask } from './programs.ts'
import type { StoredDump } from './stored-dump.ts'

/** A server that dumps are loaded into. */
export interface Loader extends AsyncDisposable {
  /** Runs the statements that make accounts. Goes on after an error; gives what the server said, but for accounts that are there. */
  loadAccounts(sql: string): Promise<readonly string[]>
  exists(database: string): Promise<boolean>
  /** Makes an empty database as the dump's was, but for its name. */
  create(dump: StoredDump, as: string): Promise<void>
  /** The program that reads SQL on its standard input. */
  order(database: string): ProgramOrder
  counter(): DumpCounter
  /** Rows of these tables, by their names in the dump. */
  countRows(database: string, tables: readonly string[]): Promise<readonly number[]>
  /** Gives it what a database has besides its content: owner, settings, rights. */
  complete(dump: StoredDump, as: string): Promise<void>
  drop(database: string): Promise<void>
  /** Puts the loaded database in the place of another, which is kept when that is possible: then its new name is returned. */
  replace(database: string, by: string, dump: StoredDump): Promise<string | undefined>
}

/** What a server says of an account that it has already. */
const isThere = /already exists|Operation CREATE (?:USER|ROLE) failed/

/** Runs a client that goes on after an error; gives the errors that matter. */
export async function complaintsOf(
  order: ProgramOrder,
  about: { readonly engine: string; readonly package: string },
  { input, signal }: { readonly input: string } & Cancellable,
): Promise<readonly string[]> {
  const { code, stderr } = await ask(order, about, { input, signal })
  const errors = stderr.split('\n').filter((line) => /\b(?:ERROR|FATAL)\b/.test(line))
  if (code !== 0 && errors.length === 0) return [tellingLine(stderr)]
  return errors.filter((line) => !isThere.test(line))
}

interface Filling extends Cancellable {
  readonly database: string
}

/** Loads the content, and compares what arrived with what was sent. */
export async function fill(loader: Loader, dump: StoredDump, { database, signal }: Filling): Promise<ContentCounts> {
  const counter = loader.counter()
  await pourInto(loader.order(database), dump, { counter, signal })
  const tables = [...counter.rows.keys()]
  const found = await loader.countRows(database, tables)
  const different = tables.findIndex((table, at) => counter.rows.get(table) !== found[at])
  if (different >= 0) {
    const table = tables[different] as string
    const [expected, arrived] = [counter.rows.get(table), found[different]]
    const words = { expected: `${expected} rows of ${table}`, found: `${arrived} rows`, database }
    throw new DatabaseError('DATABASE_LOAD_DIFFERS', words)
  }
  return { tables: tables.length, rows: found.reduce((sum, rows) => sum + rows, 0) }
}

interface Pouring extends Cancellable {
  readonly counter: DumpCounter
}

async function pourInto(order: ProgramOrder, dump: StoredDump, { counter, signal }: Pouring): Promise<void> {
  signal?.throwIfAborted()
  const started = await startProgram(order, ['pipe', 'ignore'])
  signal?.addEventListener('abort', started.kill)
  try {
    await write(started, dump, counter)
    const { code, signal: killedBy, stderr } = await started.ended
    signal?.throwIfAborted()
    if (code === 0) return
    const reason = stderr.trim() === '' ? `${order.program} ended with ${killedBy ?? code}` : tellingLine(stderr)
    throw new DatabaseError('DATABASE_LOAD_FAILED', { database: dump.database, reason })
  } finally {
    signal?.removeEventListener('abort', started.kill)
  }
}

/** Writes the dump to a program; ends early, too, when that has ended: its end tells why. */
async function write({ child, kill }: StartedProgram, dump: StoredDump, counter: DumpCounter): Promise<void> {
  const stdin = child.stdin as NonNullable<typeof child.stdin>
  stdin.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => stdin.once('close', resolve))
  try {
    await dump.pour(async (bytes) => {
      counter.add(bytes)
      if (stdin.destroyed) throw new EndedEarly()
      // A copy: the bytes are ours only until this returns, and what is written lies in a queue until then.
      if (stdin.write(Buffer.from(bytes))) return
      await Promise.race([new Promise((resolve) => stdin.once('drain', resolve)), closed])
    })
    stdin.end()
  } catch (thrown) {
    if (thrown instanceof EndedEarly) return
    kill()
    throw thrown
  }
}

/** The program has ended before it had everything; how it ended says why. */
class EndedEarly extends Error {}
