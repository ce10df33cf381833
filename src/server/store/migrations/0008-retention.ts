import type { Kysely } from 'kysely'
import { notNull, primaryKey, references, withColumns } from './columns.ts'

/** What the server's own care of repositories remembers: retention, holds, figures; and which runs it has judged. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  const [type, refine] = references('repositories.id')
  await withColumns(schema.createTable('repositoryCare'), {
    repositoryId: [type, (column) => primaryKey(refine(column))],
    heldSince: 'bigint',
    lookedAtUntil: 'bigint',
    keeps: 'text',
    configHash: 'text',
    lastRetentionAt: 'bigint',
    lastPruneAt: 'bigint',
    waitingPacks: 'integer',
    measuredAt: 'bigint',
    usedBytes: 'bigint',
    snapshots: 'integer',
    softDeletedBytes: 'bigint',
    softDeletedSince: 'text',
    deletedAt: 'bigint',
  }).execute()
  await withColumns(schema.createTable('judgedRuns'), {
    operationId: ['text', primaryKey],
    repositoryId: ['text', notNull],
    answer: ['text', notNull],
    because: ['text', notNull],
    judgedAt: ['bigint', notNull],
  }).execute()
  await schema.createIndex('judgedRunsByRepository').on('judgedRuns').columns(['repositoryId', 'judgedAt']).execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  for (const table of ['judgedRuns', 'repositoryCare']) await schema.dropTable(table).execute()
}
