import type { Kysely } from 'kysely'
import { counting, notNull, primaryKey, unique, withColumns } from './columns.ts'
import type { Engine } from './columns.ts'

/**
 * What happened and what is to happen. No reference to clients and machines here: records outlive what they are about.
 */
export async function up({ schema }: Kysely<unknown>, engine: Engine): Promise<void> {
  await withColumns(schema.createTable('operations'), {
    id: ['text', primaryKey],
    clientId: 'text',
    machineId: 'text',
    kind: ['text', notNull],
    state: ['text', notNull],
    order: ['text', notNull],
    progress: 'text',
    result: 'text',
    reason: 'text',
    code: 'text',
    requestedBy: ['text', notNull],
    onceKey: ['text', (column) => column.unique()],
    createdAt: ['bigint', notNull],
    runAt: ['bigint', notNull],
    startedAt: 'bigint',
    endedAt: 'bigint',
    cancelAskedAt: 'bigint',
    claimedBy: 'text',
    claimedUntil: 'bigint',
    claimEpoch: ['integer', notNull],
  }).execute()
  await schema.createIndex('operationsByState').on('operations').columns(['state', 'runAt']).execute()
  await schema.createIndex('operationsByMachine').on('operations').columns(['machineId', 'state', 'runAt']).execute()
  await schema.createIndex('operationsByClient').on('operations').columns(['clientId', 'createdAt']).execute()
  await withColumns(schema.createTable('chains'), {
    name: ['text', primaryKey],
    seq: ['bigint', notNull],
    hash: ['text', notNull],
  }).execute()
  await withColumns(schema.createTable('audit'), {
    seq: ['bigint', primaryKey],
    at: ['bigint', notNull],
    who: ['text', notNull],
    what: ['text', notNull],
    clientId: 'text',
    fromWhere: ['text', notNull],
    details: ['text', notNull],
    hash: ['text', unique],
  }).execute()
  await withColumns(schema.createTable('ledger'), {
    repositoryId: ['text', notNull],
    seq: ['bigint', notNull],
    what: ['text', notNull],
    snapshotId: ['text', notNull],
    machineId: 'text',
    at: ['bigint', notNull],
    details: ['text', notNull],
    hash: ['text', notNull],
  })
    .addPrimaryKeyConstraint('ledgerKey', ['repositoryId', 'seq'])
    .execute()
  await schema.createIndex('ledgerBySnapshot').on('ledger').columns(['repositoryId', 'snapshotId']).execute()
  await withColumns(schema.createTable('evidence'), {
    id: ['text', primaryKey],
    clientId: ['text', notNull],
    machineId: 'text',
    repositoryId: 'text',
    kind: ['text', notNull],
    measuredBy: ['text', notNull],
    measuredAt: ['bigint', notNull],
    holdsUntil: 'bigint',
    measured: ['text', notNull],
  }).execute()
  await schema.createIndex('evidenceByClient').on('evidence').columns(['clientId', 'kind', 'measuredAt']).execute()
  await withColumns(schema.createTable('approvals'), {
    id: ['text', primaryKey],
    clientId: 'text',
    action: ['text', notNull],
    details: ['text', notNull],
    askedBy: ['text', notNull],
    askedAt: ['bigint', notNull],
    notBefore: ['bigint', notNull],
    expiresAt: ['bigint', notNull],
    decidedBy: 'text',
    decidedAt: 'bigint',
    state: ['text', notNull],
  }).execute()
  await withColumns(schema.createTable('events'), {
    seq: counting(engine),
    at: ['bigint', notNull],
    clientId: 'text',
    kind: ['text', notNull],
    subject: ['text', notNull],
  }).execute()
  await withColumns(schema.createTable('settings'), {
    name: ['text', primaryKey],
    value: ['text', notNull],
  }).execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  for (const table of ['settings', 'events', 'approvals', 'evidence', 'ledger', 'audit', 'chains', 'operations']) {
    await schema.dropTable(table).execute()
  }
}
