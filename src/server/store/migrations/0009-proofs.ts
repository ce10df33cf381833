import type { Kysely } from 'kysely'
import { notNull, primaryKey, withColumns } from './columns.ts'

/** How backups are proven, how far the reading of all data is, credentials that only read, and machines that take the place of others. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await withColumns(schema.createTable('proofSettings'), {
    clientId: ['text', primaryKey],
    document: ['text', notNull],
  }).execute()
  await withColumns(schema.createTable('readingTurns'), {
    repositoryId: ['text', primaryKey],
    part: ['integer', notNull],
    parts: ['integer', notNull],
    turnBegunAt: ['bigint', notNull],
    coveredSince: 'bigint',
    coveredAt: 'bigint',
  }).execute()
  await schema.alterTable('repositoryCredentials').addColumn('operationId', 'text').execute()
  await schema.alterTable('enrolmentLines').addColumn('replaces', 'text').execute()
  await schema.alterTable('machines').addColumn('handover', 'integer').execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  await schema.alterTable('machines').dropColumn('handover').execute()
  await schema.alterTable('enrolmentLines').dropColumn('replaces').execute()
  await schema.alterTable('repositoryCredentials').dropColumn('operationId').execute()
  await schema.dropTable('readingTurns').execute()
  await schema.dropTable('proofSettings').execute()
}
