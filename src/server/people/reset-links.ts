import type { Kysely } from 'kysely'
import type { Caller } from '../app/caller.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { noteEvents } from '../events/note-events.ts'
import type { Tables } from '../store/tables.ts'
import type { Reset } from './renew-person.ts'
import { createLink } from './set-up-links.ts'

/** Links by which somebody who cannot get in any more sets the password anew: an owner makes them, and everybody hears of it. */

/** For a person; those before it are worth nothing. Throws `NOT_FOUND`. */
export async function createResetLink(
  services: Services,
  personId: string,
  { secondFactor, by }: { readonly secondFactor: boolean; readonly by: Caller },
): Promise<string> {
  const { store, audit, clock } = services
  const { db } = store
  const person = await db.selectFrom('people').select('email').where('id', '=', personId).executeTakeFirst()
  if (!person) throw new ServerError('NOT_FOUND', { what: 'person' })
  const { email } = person
  // Before there is a link: what nobody could hear of is not made.
  await audit.write({ actor: by.actor, what: 'person.reset-link', details: { id: personId, email, secondFactor } })
  await endResets(db, personId)
  const reset: Reset = { personId, email, secondFactor, by: by.actor.who }
  const link = await createLink(services, 'reset', reset)
  await noteEvents(db, [{ kind: 'person', subject: personId, clientId: null }], clock)
  return link
}

/** Links of a person that nobody has used work no more. */
export async function endResets(db: Kysely<Tables>, personId: string): Promise<void> {
  const open = (await resetsIn(db)).filter((one) => one.personId === personId && one.usedAt === null)
  for (const { hash } of open) await db.deleteFrom('setUpLinks').where('hash', '=', hash).execute()
}

export interface MadeReset extends Reset {
  readonly hash: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly usedAt: number | null
}

export async function resetsIn(db: Kysely<Tables>): Promise<readonly MadeReset[]> {
  const rows = await db.selectFrom('setUpLinks').selectAll().where('kind', '=', 'reset').execute()
  return rows.map(({ invites, ...row }) => ({ ...row, ...(JSON.parse(invites) as Reset) }))
}
