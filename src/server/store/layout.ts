import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import type { Engine } from './migrations/columns.ts'

/** What the database itself says of its tables, with their names as it has them. */
export interface TableLayout {
  readonly name: string
  /** `counts`: its numbers count up by themselves. */
  readonly columns: readonly { readonly name: string; readonly type: string; readonly counts: boolean }[]
  /** Columns of the primary key, in its order; of a table without one all columns. */
  readonly key: readonly string[]
  /** Tables that its rows refer to. */
  readonly refersTo: readonly string[]
}

interface KeyPart {
  readonly table: string
  readonly column: string
}

interface Reference {
  readonly table: string
  readonly target: string
}

/** All tables but the list of schema steps; those that others refer to come before them. */
export async function layoutOf(db: Kysely<unknown>, engine: Engine): Promise<TableLayout[]> {
  const plain = db.withoutPlugins()
  const tables = (await plain.introspection.getTables()).filter(
    ({ schema }) => schema === undefined || schema === 'public',
  )
  const keys = await keyParts(plain, engine)
  const references = await referencesIn(plain, engine)
  const layouts = tables.map(({ name, columns }): TableLayout => {
    const key = keys.filter(({ table }) => table === name).map(({ column }) => column)
    const all = columns.map((column) => ({
      name: column.name,
      type: column.dataType.toLowerCase(),
      counts: column.isAutoIncrementing,
    }))
    const refersTo = references
      .filter(({ table, target }) => table === name && target !== name)
      .map(({ target }) => target)
    return { name, columns: all, key: key.length > 0 ? key : all.map((column) => column.name), refersTo }
  })
  return inOrder(layouts)
}

async function keyParts(db: Kysely<unknown>, engine: Engine): Promise<readonly KeyPart[]> {
  const query =
    engine === 'sqlite'
      ? sql<KeyPart>`select m.name as "table", c.name as "column" from sqlite_master m
          join pragma_table_info(m.name) c where m.type = 'table' and c.pk > 0 order by m.name, c.pk`
      : sql<KeyPart>`select t.relname as "table", a.attname as "column" from pg_index i
          join pg_class t on t.oid = i.indrelid
          join unnest(i.indkey) with ordinality k(number, place) on true
          join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
          where i.indisprimary and t.relnamespace = 'public'::regnamespace order by t.relname, k.place`
  return (await query.execute(db)).rows
}

async function referencesIn(db: Kysely<unknown>, engine: Engine): Promise<readonly Reference[]> {
  const query =
    engine === 'sqlite'
      ? sql<Reference>`select m.name as "table", f."table" as "target" from sqlite_master m
          join pragma_foreign_key_list(m.name) f where m.type = 'table'`
      : sql<Reference>`select t.relname as "table", o.relname as "target" from pg_constraint c
          join pg_class t on t.oid = c.conrelid join pg_class o on o.oid = c.confrelid
          where c.contype = 'f' and c.connamespace = 'public'::regnamespace`
  return (await query.execute(db)).rows
}

function inOrder(layouts: readonly TableLayout[]): TableLayout[] {
  const ordered: TableLayout[] = []
  const waiting = new Set(layouts.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
  while (waiting.size > 0) {
    const isReady = ({ refersTo }: TableLayout) => ![...waiting].some(({ name }) => refersTo.includes(name))
    const ready = [...waiting].filter(isReady)
    if (ready.length === 0) throw new Error('tables refer to each other in a circle') // no schema of ours does
    for (const layout of ready) waiting.delete(layout)
    ordered.push(...ready)
  }
  return ordered
}
