import type { Kysely } from 'kysely'
import { notNull, primaryKey, references, unique, withColumns } from './columns.ts'

/** Search indexes of server nodes, recovery kits, the scripts of machines without our agent, and what arrived since a moment. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  // No reference to the repository: the row is what says that an index on a disk is still to be removed.
  await withColumns(schema.createTable('searchIndexes'), {
    serverNode: ['text', notNull],
    repositoryId: ['text', notNull],
    generation: ['bigint', notNull],
    ledgerSeq: ['bigint', notNull],
    triedAt: ['bigint', notNull],
    problemCode: 'text',
    problem: 'text',
  })
    .addPrimaryKeyConstraint('searchIndexesKey', ['serverNode', 'repositoryId'])
    .execute()
  await withColumns(schema.createTable('kits'), {
    id: ['text', primaryKey],
    clientId: references('clients.id'),
    codeHash: ['text', notNull],
    contents: ['text', notNull],
    madeAt: ['bigint', notNull],
    madeBy: ['text', notNull],
    confirmedAt: 'bigint',
    confirmedBy: 'text',
  }).execute()
  await schema.createIndex('kitsByClient').on('kits').columns(['clientId', 'madeAt']).execute()
  await withColumns(schema.createTable('scripts'), {
    machineId: ['text', (column) => column.primaryKey().notNull().references('machines.id').onDelete('cascade')],
    settings: ['text', notNull],
    tokenHash: ['text', unique],
    madeAt: ['bigint', notNull],
    madeBy: ['text', notNull],
  }).execute()
  await schema.createIndex('ledgerByTime').on('ledger').column('at').execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  await schema.dropIndex('ledgerByTime').execute()
  for (const table of ['scripts', 'kits', 'searchIndexes']) await schema.dropTable(table).execute()
}
