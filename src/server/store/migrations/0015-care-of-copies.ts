import type { Kysely } from 'kysely'
import { notNull, references, withColumns } from './columns.ts'

/** How far the thinning of each copy is: by what it went last, and what is to go from it since when. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await withColumns(schema.createTable('copyCare'), {
    destinationId: references('destinations.id'),
    repositoryId: references('repositories.id'),
    diskId: ['text', notNull],
    keeps: 'text',
    leaving: ['text', notNull],
    waitingPacks: ['integer', notNull],
  })
    .addPrimaryKeyConstraint('copyCareKey', ['destinationId', 'repositoryId', 'diskId'])
    .execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  await schema.dropTable('copyCare').execute()
}
