import type { Kysely } from 'kysely'
import { notNull, withColumns } from './columns.ts'

/** What several nodes of a server must know of each other's repositories: whose lock it is, and what counts as deleted. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await withColumns(schema.createTable('lockOwners'), {
    repositoryId: ['text', notNull],
    lock: ['text', notNull],
    machineId: ['text', notNull],
    at: ['bigint', notNull],
  })
    .addPrimaryKeyConstraint('lockOwnersKey', ['repositoryId', 'lock'])
    .execute()
  await withColumns(schema.createTable('tombstones'), {
    repositoryId: ['text', notNull],
    type: ['text', notNull],
    name: ['text', notNull],
    size: ['bigint', notNull],
    day: ['text', notNull],
  })
    .addPrimaryKeyConstraint('tombstonesKey', ['repositoryId', 'type', 'name'])
    .execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  for (const table of ['tombstones', 'lockOwners']) await schema.dropTable(table).execute()
}
