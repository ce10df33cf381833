import type { Kysely } from 'kysely'
import { notNull, primaryKey, withColumns } from './columns.ts'

/** When each of the rounds was made last that server nodes make by themselves. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await withColumns(schema.createTable('rounds'), {
    name: ['text', primaryKey],
    lastAt: ['bigint', notNull],
  }).execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  await schema.dropTable('rounds').execute()
}
