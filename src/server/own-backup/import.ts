import { sql } from 'kysely'
import type { Kysely, Transaction } from 'kysely'
import { layoutOf } from '../store/layout.ts'
import type { TableLayout } from '../store/layout.ts'
import type { Store } from '../store/store.ts'
import type { Tables } from '../store/tables.ts'
import { OwnBackupError } from './errors.ts'
import { bytesKey, tableSuffix } from './export.ts'
import type { SavedFile } from './snapshot-files.ts'

/** Rows that one statement enters: databases take a bounded number of values. */
const batchLength = 100

/**
 * Enters exported tables into a database that has their schema and no rows, and does with them what `then` does: all of it or
 * nothing. Throws `REBUILD_BACKUP_INVALID`.
 */
export async function importTables(
  store: Store,
  files: readonly SavedFile[],
  then: (transaction: Transaction<Tables>) => Promise<void> = async () => undefined,
): Promise<void> {
  await store.db.transaction().execute(async (transaction) => {
    const db = transaction as unknown as Transaction<unknown>
    const layouts = await layoutOf(db, store.engine)
    const unknown = files.find(({ name }) => !layouts.some((layout) => name === `${layout.name}${tableSuffix}`))
    if (unknown) throw new OwnBackupError('REBUILD_BACKUP_INVALID', { reason: `nothing is known of ${unknown.name}` })
    for (const layout of layouts) {
      const file = files.find(({ name }) => name === `${layout.name}${tableSuffix}`)
      if (file) await importTable(db, layout, { file, engine: store.engine })
    }
    if (store.engine === 'postgres') await countOn(db, layouts)
    await then(transaction)
  })
}

/** Numbers that count up by themselves go on after those that were entered. SQLite does so unasked. */
async function countOn(db: Kysely<unknown>, layouts: readonly TableLayout[]): Promise<void> {
  for (const { name, columns } of layouts) {
    for (const column of columns.filter(({ counts }) => counts)) {
      await sql`select setval(pg_get_serial_sequence(${name}, ${column.name}), max(${sql.ref(column.name)}))
        from ${sql.table(name)} having max(${sql.ref(column.name)}) is not null`.execute(db.withoutPlugins())
    }
  }
}

interface Import {
  readonly file: SavedFile
  readonly engine: Store['engine']
}

async function importTable(db: Kysely<unknown>, layout: TableLayout, { file, engine }: Import): Promise<void> {
  const plain = db.withoutPlugins()
  for await (const piece of file.pieces()) {
    const rows = piece
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .map((line) => readRow(line, layout))
    for (let at = 0; at < rows.length; at += batchLength) {
      const batch = rows.slice(at, at + batchLength)
      const names = sql.join(layout.columns.map(({ name }) => sql.ref(name)))
      const values = batch.map((row) => {
        const inRow = layout.columns.map(({ name, type }) => fitted(row[name] ?? null, type, engine))
        return sql`(${sql.join(inRow)})`
      })
      await sql`insert into ${sql.table(layout.name)} (${names}) values ${sql.join(values)}`.execute(plain)
    }
  }
}

function readRow(line: string, { name, columns }: TableLayout): Record<string, unknown> {
  const invalid = (reason: string, cause?: unknown) =>
    new OwnBackupError('REBUILD_BACKUP_INVALID', { reason: `${name}: ${reason}`, cause })
  let row: unknown
  try {
    row = JSON.parse(line)
  } catch (cause) {
    throw invalid('a line of it is no row', cause)
  }
  if (typeof row !== 'object' || row === null) throw invalid('a line of it is no row')
  const unknown = Object.keys(row).find((key) => !columns.some((column) => column.name === key))
  if (unknown !== undefined) throw invalid(`nothing is known of its column ${unknown}`)
  return row as Record<string, unknown>
}

/** What one engine writes as the other has it: flags are numbers in SQLite, and better-auth's times are text. */
function fitted(value: unknown, type: string, engine: Store['engine']): unknown {
  if (typeof value === 'object' && value !== null && bytesKey in value) {
    return Buffer.from(String(value[bytesKey]), 'base64')
  }
  if (engine === 'postgres') return type === 'bool' && typeof value === 'number' ? value !== 0 : value
  return typeof value === 'boolean' ? Number(value) : value
}
