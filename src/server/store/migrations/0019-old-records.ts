import type { Kysely } from 'kysely'

/** The newest evidence of each repository: the alerts ask for it every minute, however much history there is. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createIndex('evidenceByRepository')
    .on('evidence')
    .columns(['kind', 'repositoryId', 'measuredAt'])
    .execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  await schema.dropIndex('evidenceByRepository').execute()
}
