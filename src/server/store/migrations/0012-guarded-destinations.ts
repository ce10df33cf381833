import type { Kysely } from 'kysely'

/** Destinations of people who must not look around in the server's network by them. Of those before it is not known: none was. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .alterTable('destinations')
    .addColumn('isGuarded', 'integer', (column) => column.notNull().defaultTo(0))
    .execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  await schema.alterTable('destinations').dropColumn('isGuarded').execute()
}
