import type { Kysely } from 'kysely'
import { notNull, references, withColumns } from './columns.ts'

/**
 * What was found on each machine, apart from the machines: it is long, and seldom wanted. And the machines that take no
 * software, with the machine whose agent reads each.
 */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await withColumns(schema.createTable('looks'), {
    machineId: ['text', (column) => column.notNull().primaryKey().references('machines.id').onDelete('cascade')],
    reportedAt: ['bigint', notNull],
    report: ['text', notNull],
    leftOut: ['text', notNull],
  }).execute()
  await withColumns(schema.createTable('devices'), {
    machineId: ['text', (column) => column.notNull().primaryKey().references('machines.id').onDelete('cascade')],
    readerId: references('machines.id'),
    sealedAccess: ['text', notNull],
    revision: ['integer', notNull],
  }).execute()
  await schema.createIndex('devicesByReaderId').on('devices').column('readerId').execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  await schema.dropTable('devices').execute()
  await schema.dropTable('looks').execute()
}
