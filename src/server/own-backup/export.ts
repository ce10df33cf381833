import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync, backup } from 'node:sqlite'
import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import { layoutOf } from '../store/layout.ts'
import type { TableLayout } from '../store/layout.ts'
import { openStore } from '../store/store.ts'
import type { Store } from '../store/store.ts'
import type { MadeFile } from './snapshot-files.ts'

/**
 * The control data as text, a line of JSON for each row, the same from both engines: what was backed up from SQLite can be
 * brought back into PostgreSQL. It is of one moment.
 */

/** What is of use only while it is new: who is signed in, what was said a moment ago, when the next round is. */
const leftOut: ReadonlySet<string> = new Set(['sessions', 'verifications', 'events', 'rounds'])

/** Rows in a piece: what is only ever appended gives the same pieces again. */
const pieceLength = 1_000

export const tableSuffix = '.jsonl'

/** Gives the tables to `take` as files, all as they are at one moment; others go on writing meanwhile. */
export async function withExport<Result>(
  store: Store,
  folder: string,
  take: (files: AsyncIterable<MadeFile>) => Promise<Result>,
): Promise<Result> {
  if (store.engine === 'postgres') {
    return await store.db
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(async (transaction) => await take(filesOf(transaction as unknown as Kysely<unknown>, 'postgres')))
  }
  const temporary = await mkdtemp(join(folder, 'own-backup-'))
  try {
    const file = join(temporary, 'control.db')
    await copySqlite(store.location, file)
    await using copy = await openStore(file)
    return await take(filesOf(copy.db as unknown as Kysely<unknown>, 'sqlite'))
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

// In one step: pieces would have to begin again whenever somebody writes. It runs beside the main thread.
async function copySqlite(from: string, to: string): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true, timeout: 30_000 })
  try {
    await backup(source, to, { rate: 0x7fff_ffff })
  } finally {
    source.close()
  }
}

async function* filesOf(db: Kysely<unknown>, engine: Store['engine']): AsyncIterable<MadeFile> {
  for (const layout of await layoutOf(db, engine)) {
    if (!leftOut.has(layout.name)) yield { name: `${layout.name}${tableSuffix}`, pieces: piecesOf(db, layout) }
  }
}

async function* piecesOf(db: Kysely<unknown>, { name, key }: TableLayout): AsyncIterable<Buffer> {
  const plain = db.withoutPlugins()
  const columns = sql.join(key.map((column) => sql.ref(column)))
  let last: Record<string, unknown> | undefined
  for (;;) {
    const after = last && sql.join(key.map((column) => last?.[column]))
    const { rows } = await sql<Record<string, unknown>>`
      select * from ${sql.table(name)} ${after ? sql`where (${columns}) > (${after})` : sql``}
      order by ${columns} limit ${sql.lit(pieceLength)}`.execute(plain)
    if (rows.length > 0) yield Buffer.from(rows.map((row) => `${JSON.stringify(row, withBytes)}\n`).join(''))
    last = rows.at(-1)
    if (rows.length < pieceLength) return
  }
}

/** In place of bytes, which JSON has no way to say. */
export const bytesKey = '$base64'

function withBytes(this: unknown, key: string, value: unknown): unknown {
  // A Buffer has been made something else by the time that it is given here.
  const plain = (this as Readonly<Record<string, unknown>>)[key]
  return plain instanceof Uint8Array ? { [bytesKey]: Buffer.from(plain).toString('base64') } : value
}
