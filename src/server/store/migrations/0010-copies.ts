import type { Kysely } from 'kysely'
import { notNull, primaryKey, references, withColumns } from './columns.ts'

/** Destinations of copies, the rotated disks among them, and how far each copy is. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await withColumns(schema.createTable('destinations'), {
    id: ['text', primaryKey],
    clientId: references('clients.id'),
    name: ['text', notNull],
    kind: ['text', notNull],
    sealedLocation: ['text', notNull],
    sealedCredentials: 'text',
    sealedPassword: 'text',
    place: ['text', notNull],
    deletableBy: ['text', notNull],
    lockDays: 'integer',
    objectLock: 'text',
    remindAfterDays: 'integer',
    remindedAt: 'bigint',
    tamperTest: 'text',
    createdAt: ['bigint', notNull],
  })
    .addUniqueConstraint('destinationNames', ['clientId', 'name'])
    .execute()
  await withColumns(schema.createTable('destinationDisks'), {
    id: ['text', primaryKey],
    destinationId: references('destinations.id'),
    label: ['text', notNull],
    state: ['text', notNull],
    folder: 'text',
    adoptedBy: ['text', notNull],
    createdAt: ['bigint', notNull],
    lastSeenAt: 'bigint',
    completeAt: 'bigint',
  }).execute()
  await withColumns(schema.createTable('copies'), {
    destinationId: references('destinations.id'),
    repositoryId: references('repositories.id'),
    diskId: ['text', notNull],
    configId: 'text',
    ledgerSeq: ['bigint', notNull],
    snapshots: ['integer', notNull],
    newestAt: 'bigint',
    completeAt: 'bigint',
    operationId: 'text',
    failures: ['integer', notNull],
    nextTryAt: 'bigint',
    reason: 'text',
    lockedUntil: 'bigint',
  })
    .addPrimaryKeyConstraint('copiesKey', ['destinationId', 'repositoryId', 'diskId'])
    .execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  for (const table of ['copies', 'destinationDisks', 'destinations']) await schema.dropTable(table).execute()
}
