import type { Kysely } from 'kysely'
import { everyClient, roleHas, roleSchema, roles } from '#protocol'
import { ServerError } from '../errors.ts'
import type { Tables } from '../store/tables.ts'

const rolesThatAllow = roles.filter((role) => roleHas(roleSchema.parse(role), 'administer'))

/**
 * Whether somebody else could allow what a person asks for: one who administers the client, and who was known here before
 * `knownBefore`. Who was invited since then does not count: a thief of one account would invite a helper.
 */
export async function hasSecondPerson(
  db: Kysely<Tables>,
  clientId: string | null,
  { askedBy, knownBefore }: { readonly askedBy: string; readonly knownBefore: number },
): Promise<boolean> {
  const others = await db
    .selectFrom('roleGrants')
    .innerJoin('people', 'people.id', 'roleGrants.personId')
    .select('people.createdAt')
    .where('roleGrants.clientId', 'in', clientId === null ? [everyClient] : [everyClient, clientId])
    .where('roleGrants.role', 'in', rolesThatAllow)
    .where('people.id', '!=', askedBy)
    .execute()
  return others.some(({ createdAt }) => new Date(createdAt).getTime() <= knownBefore)
}

/** Since when a person has been known here, in milliseconds since 1970. Throws `NOT_FOUND`. */
export async function knownSince(db: Kysely<Tables>, personId: string): Promise<number> {
  const person = await db.selectFrom('people').select('createdAt').where('id', '=', personId).executeTakeFirst()
  if (!person) throw new ServerError('NOT_FOUND', { what: 'person' })
  return new Date(person.createdAt).getTime()
}
