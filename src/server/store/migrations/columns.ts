import { sql } from 'kysely'
import type { ColumnDefinitionBuilder, CreateTableBuilder, RawBuilder } from 'kysely'

/** The engines that the control data may lie in. */
export type Engine = 'sqlite' | 'postgres'

type Refine = (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder
type Type = 'text' | 'bigint' | 'integer' | RawBuilder<unknown>

/** Columns of a table, by name: type, and what else there is to say. `text` and `bigint` are the same in both engines. */
export type Columns = Readonly<Record<string, Type | readonly [Type, Refine]>>

export const notNull: Refine = (column) => column.notNull()
export const primaryKey: Refine = (column) => column.primaryKey().notNull()
export const unique: Refine = (column) => column.notNull().unique()

/** A column that names a row of another table, and goes with it. */
export function references(target: string): readonly [Type, Refine] {
  return ['text', (column) => column.notNull().references(target).onDelete('cascade')]
}

/** A number that counts up by itself. */
export function counting(engine: Engine): readonly [Type, Refine] {
  if (engine === 'postgres') return [sql`bigserial`, primaryKey]
  return ['integer', (column) => column.primaryKey().autoIncrement().notNull()]
}

/** better-auth's times and flags, which it writes as each engine likes it. */
export function authTypes(engine: Engine): { readonly time: Type; readonly flag: Type } {
  if (engine === 'postgres') return { time: sql`timestamptz`, flag: sql`boolean` }
  return { time: sql`date`, flag: 'integer' }
}

export function withColumns<Name extends string>(
  table: CreateTableBuilder<Name>,
  columns: Columns,
): CreateTableBuilder<Name, string> {
  let built: CreateTableBuilder<Name, string> = table
  for (const [name, definition] of Object.entries(columns)) {
    const [type, refine] = isPair(definition) ? definition : ([definition, undefined] as const)
    built = built.addColumn(name, type, refine)
  }
  return built
}

function isPair(definition: Type | readonly [Type, Refine]): definition is readonly [Type, Refine] {
  return Array.isArray(definition)
}
