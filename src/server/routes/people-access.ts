import { doneSchema, removedPersonSchema, resetSchema, sessionSchema } from '#protocol'
import { z } from 'zod'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { removePerson } from '../people/remove-person.ts'
import { createResetLink } from '../people/reset-links.ts'
import { endSessions, sessionsOf } from '../people/sessions.ts'
import { showSession } from './own-account.ts'

/** How other people get in, and do so no longer. */

const named = z.object({ person: z.string().max(100) })
const access = { by: 'person', right: 'administer', of: 'server' } as const

export const peopleAccessRoutes = [
  route({
    method: 'DELETE',
    path: '/api/people/:person',
    summary: 'Removes a person: sessions and tokens end at once. The last owner of the server stays.',
    command: 'person remove',
    access,
    fresh: true,
    params: named,
    answer: removedPersonSchema,
    async handle({ params: { person }, caller }, services) {
      return { done: true as const, hearsAlertsAs: [...(await removePerson(services, person, caller))] }
    },
  }),
  route({
    method: 'POST',
    path: '/api/people/:person/reset',
    summary:
      'Makes a link with which a person sets the password anew. It holds for a day and works once; everybody who hears of alerts is told.',
    command: 'person reset',
    access,
    fresh: true,
    params: named,
    body: resetSchema,
    answer: z.object({ link: z.string() }),
    async handle({ params: { person }, body: { secondFactor }, caller }, services) {
      return { link: await createResetLink(services, person, { secondFactor, by: caller }) }
    },
  }),
  route({
    method: 'GET',
    path: '/api/people/:person/sessions',
    summary: 'Where a person is signed in.',
    command: 'person sessions',
    access,
    params: named,
    answer: z.array(sessionSchema),
    async handle({ params: { person }, caller }, services) {
      await requirePerson(services, person)
      const sessions = await sessionsOf(services.store.db, person, Date.now())
      return sessions.map((session) => showSession(session, caller))
    },
  }),
  route({
    method: 'POST',
    path: '/api/people/:person/sign-out',
    summary: 'Ends all sessions of a person, and the API tokens, too, if that is said.',
    command: 'person sign-out',
    access,
    params: named,
    body: z.object({ tokens: z.boolean().default(false).describe('whether API tokens end, too') }),
    answer: doneSchema,
    async handle({ params: { person: id }, body: { tokens }, caller }, services) {
      const { store, audit } = services
      await requirePerson(services, id)
      await store.db.transaction().execute(async (transaction) => {
        await audit.write({ actor: caller.actor, what: 'person.sign-out', details: { id, tokens } }, transaction)
        await endSessions(transaction, id)
        if (tokens) await transaction.deleteFrom('apiTokens').where('personId', '=', id).execute()
      })
      return { done: true as const }
    },
  }),
]

async function requirePerson({ store }: Services, id: string): Promise<void> {
  const person = await store.db.selectFrom('people').select('id').where('id', '=', id).executeTakeFirst()
  if (!person) throw new ServerError('NOT_FOUND', { what: 'person' })
}
