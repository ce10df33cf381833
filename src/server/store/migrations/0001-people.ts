import type { Kysely } from 'kysely'
import { authTypes, notNull, primaryKey, references, unique, withColumns } from './columns.ts'
import type { Engine } from './columns.ts'

/** People and how they sign in. The tables up to `passkeys` are better-auth's; a test asks it whether anything is missing. */
export async function up(db: Kysely<unknown>, engine: Engine): Promise<void> {
  const { schema } = db
  const { time, flag } = authTypes(engine)
  await withColumns(schema.createTable('people'), {
    id: ['text', primaryKey],
    name: ['text', notNull],
    email: ['text', unique],
    emailVerified: [flag, notNull],
    image: 'text',
    createdAt: [time, notNull],
    updatedAt: [time, notNull],
    twoFactorEnabled: flag,
  }).execute()
  await withColumns(schema.createTable('sessions'), {
    id: ['text', primaryKey],
    expiresAt: [time, notNull],
    token: ['text', unique],
    createdAt: [time, notNull],
    updatedAt: [time, notNull],
    ipAddress: 'text',
    userAgent: 'text',
    userId: references('people.id'),
  }).execute()
  await withColumns(schema.createTable('accounts'), {
    id: ['text', primaryKey],
    accountId: ['text', notNull],
    providerId: ['text', notNull],
    userId: references('people.id'),
    accessToken: 'text',
    refreshToken: 'text',
    idToken: 'text',
    accessTokenExpiresAt: time,
    refreshTokenExpiresAt: time,
    scope: 'text',
    password: 'text',
    createdAt: [time, notNull],
    updatedAt: [time, notNull],
  }).execute()
  await withColumns(schema.createTable('verifications'), {
    id: ['text', primaryKey],
    identifier: ['text', notNull],
    value: ['text', notNull],
    expiresAt: [time, notNull],
    createdAt: [time, notNull],
    updatedAt: [time, notNull],
  }).execute()
  await withColumns(schema.createTable('twoFactors'), {
    id: ['text', primaryKey],
    secret: ['text', notNull],
    backupCodes: ['text', notNull],
    userId: references('people.id'),
    verified: flag,
    failedVerificationCount: 'integer',
    lockedUntil: time,
  }).execute()
  await withColumns(schema.createTable('passkeys'), {
    id: ['text', primaryKey],
    name: 'text',
    publicKey: ['text', notNull],
    userId: references('people.id'),
    credentialId: ['text', notNull],
    counter: ['integer', notNull],
    deviceType: ['text', notNull],
    backedUp: [flag, notNull],
    transports: 'text',
    createdAt: time,
    aaguid: 'text',
  }).execute()
  for (const [table, column] of [
    ['sessions', 'userId'],
    ['accounts', 'userId'],
    ['verifications', 'identifier'],
    ['twoFactors', 'userId'],
    ['passkeys', 'userId'],
    ['passkeys', 'credentialId'],
  ] as const) {
    await schema.createIndex(`${table}By${column}`).on(table).column(column).execute()
  }
  await withColumns(schema.createTable('roleGrants'), {
    personId: references('people.id'),
    clientId: ['text', notNull],
    role: ['text', notNull],
  })
    .addPrimaryKeyConstraint('roleGrantsKey', ['personId', 'clientId'])
    .execute()
  await withColumns(schema.createTable('apiTokens'), {
    id: ['text', primaryKey],
    personId: references('people.id'),
    name: ['text', notNull],
    hash: ['text', unique],
    scopes: ['text', notNull],
    createdAt: ['bigint', notNull],
    expiresAt: 'bigint',
    lastUsedAt: 'bigint',
  }).execute()
  await withColumns(schema.createTable('setUpLinks'), {
    hash: ['text', primaryKey],
    kind: ['text', notNull],
    invites: ['text', notNull],
    createdAt: ['bigint', notNull],
    expiresAt: ['bigint', notNull],
    usedAt: 'bigint',
  }).execute()
}

export async function down({ schema }: Kysely<unknown>): Promise<void> {
  for (const table of [
    'setUpLinks',
    'apiTokens',
    'roleGrants',
    'passkeys',
    'twoFactors',
    'verifications',
    'accounts',
    'sessions',
    'people',
  ]) {
    await schema.dropTable(table).execute()
  }
}
