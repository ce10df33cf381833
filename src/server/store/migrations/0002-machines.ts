import type { Kysely } from 'kysely'
import { notNull, primaryKey, references, unique, withColumns } from './columns.ts'

/** Clients, their machines, policies and repositories. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await withColumns(schema.createTable('clients'), {
    id: ['text', primaryKey],
    name: ['text', unique],
    state: ['text', notNull],
    stateSince: ['bigint', notNull],
    createdAt: ['bigint', notNull],
  }).execute()
  await withColumns(schema.createTable('machines'), {
    id: ['text', primaryKey],
    clientId: references('clients.id'),
    name: ['text', notNull],
    kind: ['text', notNull],
    publicKey: 'text',
    state: ['text', notNull],
    about: ['text', notNull],
    createdAt: ['bigint', notNull],
    lastSeenAt: 'bigint',
    awayUntil: 'bigint',
    clockAheadMs: 'bigint',
    discovery: 'text',
  }).execute()
  await schema.createIndex('machinesByPublicKey').unique().on('machines').column('publicKey').execute()
  await schema.createIndex('machinesByClientId').on('machines').column('clientId').execute()
  await withColumns(schema.createTable('enrolmentLines'), {
    id: ['text', primaryKey],
    clientId: references('clients.id'),
    hash: ['text', unique],
    machineKind: ['text', notNull],
    usesLeft: ['integer', notNull],
    approves: ['integer', notNull],
    createdAt: ['bigint', notNull],
    expiresAt: ['bigint', notNull],
  }).execute()
  await withColumns(schema.createTable('policies'), {
    id: ['text', primaryKey],
    clientId: references('clients.id'),
    name: ['text', notNull],
    document: ['text', notNull],
    revision: ['integer', notNull],
    createdAt: ['bigint', notNull],
  })
    .addUniqueConstraint('policyNames', ['clientId', 'name'])
    .execute()
  await withColumns(schema.createTable('machinePolicies'), {
    machineId: references('machines.id'),
    policyId: references('policies.id'),
  })
    .addPrimaryKeyConstraint('machinePoliciesKey', ['machineId', 'policyId'])
    .execute()
  await withColumns(schema.createTable('repositories'), {
    id: ['text', primaryKey],
    clientId: references('clients.id'),
    machineId: 'text',
    name: ['text', notNull],
    sealedLocation: ['text', notNull],
    sealedPassword: 'text',
    configId: 'text',
    quotaBytes: 'bigint',
    createdAt: ['bigint', notNull],
    held: ['integer', notNull],
    heldBecause: 'text',
  }).execute()
  await schema.createIndex('repositoriesByClientId').on('repositories').column('clientId').execute()
  await withColumns(schema.createTable('repositoryCredentials'), {
    id: ['text', primaryKey],
    repositoryId: references('repositories.id'),
    machineId: references('machines.id'),
    hash: ['text', notNull],
    createdAt: ['bigint', notNull],
    revokedAt: 'bigint',
  }).execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  for (const table of [
    'repositoryCredentials',
    'repositories',
    'machinePolicies',
    'policies',
    'enrolmentLines',
    'machines',
    'clients',
  ]) {
    await schema.dropTable(table).execute()
  }
}
