import type { Kysely } from 'kysely'
import { counting, notNull, primaryKey, withColumns } from './columns.ts'
import type { Engine } from './columns.ts'

/** What has ended since a moment; the newest operations of one machine; and its last good ones. */
const operationIndexes: readonly (readonly [string, string[]])[] = [
  ['operationsByEnd', ['endedAt']],
  ['operationsOfMachineByEnd', ['kind', 'machineId', 'endedAt']],
  ['operationsOfMachineByOutcome', ['kind', 'machineId', 'state', 'endedAt']],
]

/** Who was told of what; how full storages were; and what tells whether something that was expected has happened. */
export async function up({ schema }: Kysely<unknown>, engine: Engine): Promise<void> {
  await schema.alterTable('machines').addColumn('heardSince', 'bigint').execute()
  await schema.alterTable('machinePolicies').addColumn('since', 'bigint').execute()
  await schema.alterTable('policies').addColumn('changedAt', 'bigint').execute()
  for (const [index, columns] of operationIndexes) {
    await schema.createIndex(index).on('operations').columns(columns).execute()
  }
  await withColumns(schema.createTable('alertDocuments'), {
    name: ['text', primaryKey],
    revision: ['bigint', notNull],
    value: ['text', notNull],
  }).execute()
  await withColumns(schema.createTable('alertMessages'), {
    id: ['text', primaryKey],
    message: ['text', notNull],
    createdAt: ['bigint', notNull],
    dueAt: 'bigint',
    tries: ['integer', notNull],
  }).execute()
  await schema.createIndex('alertMessagesByDueAt').on('alertMessages').column('dueAt').execute()
  await withColumns(schema.createTable('alertAttempts'), {
    seq: counting(engine),
    messageId: ['text', notNull],
    at: ['bigint', notNull],
    delivery: ['text', notNull],
    nextAt: 'bigint',
  }).execute()
  await withColumns(schema.createTable('sizes'), {
    subject: ['text', notNull],
    at: ['bigint', notNull],
    bytes: ['bigint', notNull],
    capacity: 'bigint',
  })
    .addPrimaryKeyConstraint('sizesKey', ['subject', 'at'])
    .execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  for (const table of ['sizes', 'alertAttempts', 'alertMessages', 'alertDocuments']) {
    await schema.dropTable(table).execute()
  }
  for (const [index] of operationIndexes) await schema.dropIndex(index).execute()
  await schema.alterTable('policies').dropColumn('changedAt').execute()
  await schema.alterTable('machinePolicies').dropColumn('since').execute()
  await schema.alterTable('machines').dropColumn('heardSince').execute()
}
