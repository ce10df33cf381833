import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import { tokenScopeSchema } from '#protocol'
import type { TokenScope } from '#protocol'
import { z } from 'zod'
import type { Tables } from '../store/tables.ts'

/** API tokens: they act for a person, with the person's rights as far as the token's scopes go. */

const prefix = 'ust_'
const scopesSchema = z.array(tokenScopeSchema)

export interface NewToken {
  readonly id: string
  /** Shown once. */
  readonly token: string
}

export async function createToken(
  db: Kysely<Tables> | Transaction<Tables>,
  about: {
    readonly personId: string
    readonly name: string
    readonly scopes: readonly TokenScope[]
    readonly expiresAt: number | null
  },
  now: number,
): Promise<NewToken> {
  const token = prefix + randomBytes(32).toString('base64url')
  const id = randomUUID()
  const { personId, name, scopes, expiresAt } = about
  await db
    .insertInto('apiTokens')
    .values({
      id,
      personId,
      name,
      hash: hashOf(token),
      scopes: JSON.stringify(scopes),
      createdAt: now,
      expiresAt,
      lastUsedAt: null,
    })
    .execute()
  return { id, token }
}

export interface FoundToken {
  readonly id: string
  readonly personId: string
  readonly scopes: readonly TokenScope[]
  readonly expiresAt: number | null
}

/** How often the time of last use is written, in milliseconds. */
const usedEvery = 60_000

/** Whose token it is; undefined: nobody's, or it has expired. */
export async function findToken(db: Kysely<Tables>, token: string, now: number): Promise<FoundToken | undefined> {
  if (!token.startsWith(prefix)) return undefined
  // Found by its hash: what comparing tells by the time it takes is of no use to who does not know the token.
  const row = await db.selectFrom('apiTokens').selectAll().where('hash', '=', hashOf(token)).executeTakeFirst()
  if (!row || (row.expiresAt !== null && row.expiresAt <= now)) return undefined
  if (row.lastUsedAt === null || now - row.lastUsedAt > usedEvery) {
    await db.updateTable('apiTokens').set({ lastUsedAt: now }).where('id', '=', row.id).execute()
  }
  const { id, personId, scopes, expiresAt } = row
  return { id, personId, scopes: scopesSchema.parse(JSON.parse(scopes)), expiresAt }
}

/** 256 random bits need no slow hash. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
