import {
  doneSchema,
  everyClient,
  grantSchema,
  emailSchema,
  idSchema,
  invitationSchema,
  newTokenSchema,
  personSchema,
  roleSchema,
  setUpSchema,
  tokenSchema,
} from '#protocol'
import type { Role } from '#protocol'
import { z } from 'zod'
import type { Caller } from '../app/caller.ts'
import { route } from '../app/route.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { requireFreshProof } from '../people/fresh-proof.ts'
import { requireOwnerLeft, rolesOf } from '../people/grants.ts'
import { createInvitation, openInvitations, useLink } from '../people/set-up-links.ts'
import { createToken } from '../people/tokens.ts'
import { formatMoment, formatMomentOrNull } from '../time.ts'

export const peopleRoutes = [
  route({
    method: 'POST',
    path: '/api/set-up',
    summary:
      'Makes the person that a set-up link invites: the first owner, or somebody who was invited. By a reset link, the account anew.',
    command: 'set-up',
    access: { by: 'anybody', because: 'who has the link is whom it is for' },
    body: setUpSchema,
    answer: z.object({ id: z.string() }),
    async handle({ body, address }, services) {
      const { personId: id, isRenewed } = await useLink(services, body)
      const what = isRenewed ? 'person.reset' : 'person.set-up'
      await services.audit.write({ actor: { who: `person:${id}`, fromWhere: address }, what })
      return { id }
    },
  }),
  route({
    method: 'GET',
    path: '/api/me',
    summary: 'Who is signed in, and with which roles.',
    command: 'person me',
    access: { by: 'somebody' },
    beforeSecondFactor: true,
    answer: personSchema,
    handle: async ({ caller }, services) => await showPerson(services, caller.personId),
  }),
  route({
    method: 'GET',
    path: '/api/people',
    summary: 'Everybody who may sign in.',
    command: 'person list',
    access: { by: 'person', right: 'administer', of: 'server' },
    answer: z.array(personSchema),
    async handle(_, services) {
      const people = await services.store.db.selectFrom('people').select('id').orderBy('email').execute()
      return await Promise.all(people.map(async ({ id }) => await showPerson(services, id)))
    },
  }),
  route({
    method: 'POST',
    path: '/api/people/invite',
    summary:
      'Makes a link with which a person sets up the account. It holds for seven days and works once; one before it ends.',
    command: 'person invite',
    access: { by: 'person', right: 'administer', of: 'server' },
    body: z.object({
      email: emailSchema.describe('who is invited'),
      roles: z.array(grantSchema).min(1).describe('what the person may do'),
    }),
    answer: z.object({ link: z.string() }),
    async handle({ body: { email, roles: grants }, caller }, services) {
      const link = await createInvitation(services, { email, grants })
      await services.audit.write({ actor: caller.actor, what: 'person.invite', details: { email, grants } })
      return { link }
    },
  }),
  route({
    method: 'GET',
    path: '/api/people/invitations',
    summary: 'Who was invited and has not come yet. No link is shown again.',
    command: 'person invitations',
    access: { by: 'person', right: 'administer', of: 'server' },
    answer: z.array(invitationSchema),
    async handle(_, services) {
      const open = await openInvitations(services)
      return open.map(({ invites: { email = '', grants }, createdAt, expiresAt }) => ({
        email,
        roles: [...grants],
        createdAt: formatMoment(createdAt),
        expiresAt: formatMoment(expiresAt),
      }))
    },
  }),
  route({
    method: 'PUT',
    path: '/api/people/:person/roles',
    summary: 'Sets the roles of a person; what is not named is taken away.',
    command: 'person set-roles',
    access: { by: 'person', right: 'administer', of: 'server' },
    params: z.object({ person: z.string() }),
    body: z.object({ roles: z.array(grantSchema).describe('what the person may do') }),
    answer: personSchema,
    async handle({ params: { person }, body: { roles }, caller }, services) {
      const before = await showPerson(services, person)
      // Who takes the second person away is alone with what needs two.
      if (isOwnerOfAll(before.roles) && !isOwnerOfAll(roles)) requireFreshProof(services, caller)
      await setRoles(services, person, { roles, by: caller })
      return await showPerson(services, person)
    },
  }),
  route({
    method: 'GET',
    path: '/api/tokens',
    summary: 'The API tokens of who is signed in. None is shown again.',
    command: 'token list',
    access: { by: 'somebody' },
    answer: z.array(tokenSchema),
    async handle({ caller: { personId } }, { store }) {
      const rows = await store.db.selectFrom('apiTokens').selectAll().where('personId', '=', personId).execute()
      return rows.map(({ id, name, scopes, createdAt, expiresAt, lastUsedAt }) => ({
        id,
        name,
        scopes: z.array(z.string()).parse(JSON.parse(scopes)) as z.infer<typeof tokenSchema>['scopes'],
        createdAt: formatMoment(createdAt),
        expiresAt: formatMomentOrNull(expiresAt),
        lastUsedAt: formatMomentOrNull(lastUsedAt),
      }))
    },
  }),
  route({
    method: 'POST',
    path: '/api/tokens',
    summary: 'Makes an API token that acts for who is signed in, with the rights that are named at most.',
    command: 'token create',
    access: { by: 'somebody' },
    // A token that could make another would live for ever, and have more rights than it was given; so would a stolen session.
    bySession: true,
    fresh: true,
    body: newTokenSchema,
    answer: z.object({ id: idSchema, token: z.string() }),
    async handle({ body: { name, scopes, expiresAt }, caller }, { store, clock, audit }) {
      const expires = expiresAt === undefined ? null : Date.parse(expiresAt)
      const about = { personId: caller.personId, name, scopes, expiresAt: expires }
      return await store.db.transaction().execute(async (transaction) => {
        const made = await createToken(transaction, about, clock.now())
        await audit.write({ actor: caller.actor, what: 'token.create', details: { id: made.id, scopes } }, transaction)
        return made
      })
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/tokens/:token',
    summary: 'Takes an API token of one’s own out of force.',
    command: 'token revoke',
    access: { by: 'somebody' },
    params: z.object({ token: idSchema }),
    answer: doneSchema,
    async handle({ params: { token }, caller }, { store, audit }) {
      const { numDeletedRows } = await store.db
        .deleteFrom('apiTokens')
        .where('id', '=', token)
        .where('personId', '=', caller.personId)
        .executeTakeFirst()
      if (numDeletedRows === 0n) throw new ServerError('NOT_FOUND', { what: 'token' })
      await audit.write({ actor: caller.actor, what: 'token.delete', details: { id: token } })
      return { done: true as const }
    },
  }),
]

async function showPerson({ store: { db } }: Services, id: string): Promise<z.input<typeof personSchema>> {
  const person = await db.selectFrom('people').selectAll().where('id', '=', id).executeTakeFirst()
  if (!person) throw new ServerError('NOT_FOUND', { what: 'person' })
  const roles = await rolesOf(db, id)
  return {
    id,
    email: person.email,
    name: person.name,
    secondFactor: Boolean(person.twoFactorEnabled),
    roles: [...roles].map(([clientId, role]) => ({ clientId, role: roleSchema.parse(role) })),
  }
}

function isOwnerOfAll(roles: readonly { readonly clientId: string; readonly role: Role }[]): boolean {
  return roles.some(({ clientId, role }) => clientId === everyClient && role === 'owner')
}

interface NewRoles {
  readonly roles: readonly { readonly clientId: string; readonly role: Role }[]
  readonly by: Caller
}

async function setRoles({ store: { db }, audit }: Services, personId: string, { roles, by }: NewRoles): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await audit.write({ actor: by.actor, what: 'person.roles', details: { person: personId, roles } }, transaction)
    await transaction.deleteFrom('roleGrants').where('personId', '=', personId).execute()
    const rows = roles.map((grant) => ({ personId, ...grant }))
    if (rows.length > 0) await transaction.insertInto('roleGrants').values(rows).execute()
    await requireOwnerLeft(transaction)
  })
}
