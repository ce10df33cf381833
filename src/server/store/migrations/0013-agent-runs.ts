import type { Kysely } from 'kysely'
import { notNull, references, withColumns } from './columns.ts'

/** Which starts of its agent have spoken for a machine, so that two agents with one key are noticed. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await withColumns(schema.createTable('agentRuns'), {
    machineId: references('machines.id'),
    run: ['text', notNull],
    hostname: ['text', notNull],
    fromWhere: ['text', notNull],
    firstAt: ['bigint', notNull],
    lastAt: ['bigint', notNull],
    returnedAt: 'bigint',
  })
    .addPrimaryKeyConstraint('agentRunsKey', ['machineId', 'run'])
    .execute()
  await schema.alterTable('machines').addColumn('usedByTwo', 'text').execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  await schema.alterTable('machines').dropColumn('usedByTwo').execute()
  await schema.dropTable('agentRuns').execute()
}
