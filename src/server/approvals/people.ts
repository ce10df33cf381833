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
    .leftJoin('renewedPeople', 'renewedPeople.personId', 'people.id')
    .select(['people.createdAt', 'renewedPeople.at'])
    .where('roleGrants.clientId', 'in', clientId === null ? [everyClient] : [everyClient, clientId])
    .where('roleGrants.role', 'in', rolesThatAllow)
    .where('people.id', '!=', askedBy)
    .execute()
  return others.some((other) => sinceOf(other) <= knownBefore)
}

// Whoever has set the password anew by a link that another made may be somebody else.
function sinceOf({ createdAt, at }: { readonly createdAt: Date | string; readonly at: number | null }): number {
  return Math.max(new Date(createdAt).getTime(), at ?? 0)
}

/** Since when a person has been known here, in milliseconds since 1970. Throws `NOT_FOUND`. */
export async function knownSince(db: Kysely<Tables>, personId: string): Promise<number> {
  const person = await db
    .selectFrom('people')
    .leftJoin('renewedPeople', 'renewedPeople.personId', 'people.id')
    .select(['people.createdAt', 'renewedPeople.at'])
    .where('people.id', '=', personId)
    .executeTakeFirst()
  if (!person) throw new ServerError('NOT_FOUND', { what: 'person' })
  return sinceOf(person)
}
