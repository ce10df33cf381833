import type { Kysely } from 'kysely'
import { notNull, primaryKey, withColumns } from './columns.ts'

/** Whose account was handed to somebody by a link, and when: who that is has been known only since then. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await withColumns(schema.createTable('renewedPeople'), {
    personId: ['text', (column) => primaryKey(column).references('people.id').onDelete('cascade')],
    at: ['bigint', notNull],
  }).execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  await schema.dropTable('renewedPeople').execute()
}
