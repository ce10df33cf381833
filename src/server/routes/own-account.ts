import {
  codeSchema,
  doneSchema,
  newSecondFactorSchema,
  passkeySchema,
  passwordSchema,
  secondFactorSchema,
  sessionSchema,
} from '#protocol'
import { z } from 'zod'
import type { Caller } from '../app/caller.ts'
import { route } from '../app/route.ts'
import { ServerError } from '../errors.ts'
import { confirmPassword } from '../people/confirm-password.ts'
import { isDemandedOf } from '../people/second-factor-demand.ts'
import { endSessions, sessionsOf } from '../people/sessions.ts'
import type { Row } from '../store/tables.ts'
import { formatMoment } from '../time.ts'

/** What a person does about the own account. What is added to a sign-in or taken from it asks for a fresh one. */

const access = { by: 'somebody' } as const

export const ownAccountRoutes = [
  route({
    method: 'GET',
    path: '/api/me/sessions',
    summary: 'Where one is signed in.',
    command: 'session list',
    access,
    beforeSecondFactor: true,
    answer: z.array(sessionSchema),
    async handle({ caller }, { store }) {
      // Sessions are better-auth’s, and end by its clock.
      return (await sessionsOf(store.db, caller.personId, Date.now())).map((session) => showSession(session, caller))
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/me/sessions/:session',
    summary: 'Ends a session of one’s own.',
    command: 'session end',
    access,
    beforeSecondFactor: true,
    params: z.object({ session: z.string().max(100) }),
    answer: doneSchema,
    async handle({ params: { session }, caller: { personId, actor } }, { store, audit }) {
      const ended = await endSessions(store.db, personId, { only: session })
      if (ended === 0) throw new ServerError('NOT_FOUND', { what: 'session' })
      await audit.write({ actor, what: 'session.end', details: { id: session } })
      return { done: true as const }
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/me/sessions',
    summary: 'Ends all sessions of one’s own but the one that asks.',
    command: 'session end-others',
    access,
    beforeSecondFactor: true,
    answer: z.object({ ended: z.int() }),
    async handle({ caller }, { store, audit }) {
      const ended = await endSessions(store.db, caller.personId, { keep: sessionOf(caller) })
      await audit.write({ actor: caller.actor, what: 'session.end-others', details: { ended } })
      return { ended }
    },
  }),
  route({
    method: 'PUT',
    path: '/api/me/password',
    summary: 'Changes one’s own password. Every other session ends.',
    command: 'account password',
    access,
    beforeSecondFactor: true,
    body: z.object({ password: z.string().min(1).max(256), newPassword: passwordSchema }),
    answer: doneSchema,
    async handle({ body: { password, newPassword }, caller, address }, services) {
      await confirmPassword(services, caller, { password, address })
      await services.audit.write({ actor: caller.actor, what: 'person.password' })
      await services.signIn.setPassword(caller.personId, newPassword, { keep: sessionOf(caller) })
      return { done: true as const }
    },
  }),
  route({
    method: 'GET',
    path: '/api/me/second-factor',
    summary: 'Whether one has a second factor, and how many recovery codes are left.',
    command: 'account second-factor',
    access,
    beforeSecondFactor: true,
    answer: secondFactorSchema,
    async handle({ caller: { personId, grants } }, { signIn, store }) {
      return { ...(await signIn.secondFactors.state(personId)), isDemanded: await isDemandedOf(store.db, grants) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/me/second-factor',
    summary: 'Begins to set up a second factor: shows once what an authenticator app needs, and recovery codes.',
    command: 'account set-up-second-factor',
    access,
    bySession: true,
    fresh: true,
    beforeSecondFactor: true,
    answer: newSecondFactorSchema,
    async handle({ caller: { personId, actor } }, { signIn, store, audit }) {
      const { email } = await store.db
        .selectFrom('people')
        .select('email')
        .where('id', '=', personId)
        .executeTakeFirstOrThrow()
      const { uri, recoveryCodes } = await signIn.secondFactors.begin(personId, email)
      await audit.write({ actor, what: 'person.second-factor.begin' })
      return { uri, recoveryCodes: [...recoveryCodes] }
    },
  }),
  route({
    method: 'POST',
    path: '/api/me/second-factor/confirmation',
    summary:
      'Takes the first code of the authenticator app: from then on each sign-in asks for one. Other sessions end.',
    command: 'account confirm-second-factor',
    access,
    bySession: true,
    beforeSecondFactor: true,
    body: z.object({ code: codeSchema }),
    answer: doneSchema,
    async handle({ body: { code }, caller }, { signIn, store, audit }) {
      const { personId, actor } = caller
      await signIn.secondFactors.confirm(personId, code)
      await audit.write({ actor, what: 'person.second-factor.set-up' })
      // They were opened by the password alone.
      await endSessions(store.db, personId, { keep: sessionOf(caller) })
      return { done: true as const }
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/me/second-factor',
    summary: 'Takes one’s own second factor away.',
    command: 'account remove-second-factor',
    access,
    bySession: true,
    fresh: true,
    answer: doneSchema,
    async handle({ caller: { personId, actor } }, { signIn, audit }) {
      await audit.write({ actor, what: 'person.second-factor.remove' })
      await signIn.secondFactors.remove(personId)
      return { done: true as const }
    },
  }),
  route({
    method: 'POST',
    path: '/api/me/recovery-codes',
    summary: 'Makes new recovery codes, shown once; those before open nothing more.',
    command: 'account new-recovery-codes',
    access,
    bySession: true,
    fresh: true,
    answer: z.object({ recoveryCodes: z.array(z.string()) }),
    async handle({ caller: { personId, actor } }, { signIn, audit }) {
      const recoveryCodes = await signIn.secondFactors.renewRecoveryCodes(personId)
      await audit.write({ actor, what: 'person.recovery-codes' })
      return { recoveryCodes: [...recoveryCodes] }
    },
  }),
  route({
    method: 'GET',
    path: '/api/me/passkeys',
    summary: 'One’s own passkeys. They are added in the browser that is to have them.',
    command: 'passkey list',
    access,
    answer: z.array(passkeySchema),
    async handle({ caller: { personId } }, { store }) {
      const rows = await store.db.selectFrom('passkeys').selectAll().where('userId', '=', personId).execute()
      return rows.map(({ id, name, createdAt, deviceType }) => ({
        id,
        name,
        createdAt: createdAt === null ? null : formatMoment(new Date(createdAt).getTime()),
        isOfOneDevice: deviceType === 'singleDevice',
      }))
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/me/passkeys/:passkey',
    summary: 'Removes a passkey of one’s own.',
    command: 'passkey remove',
    access,
    bySession: true,
    fresh: true,
    params: z.object({ passkey: z.string().max(100) }),
    answer: doneSchema,
    async handle({ params: { passkey: id }, caller: { personId, actor } }, { store, audit }) {
      const { numDeletedRows } = await store.db
        .deleteFrom('passkeys')
        .where('id', '=', id)
        .where('userId', '=', personId)
        .executeTakeFirst()
      if (numDeletedRows === 0n) throw new ServerError('NOT_FOUND', { what: 'passkey' })
      await audit.write({ actor, what: 'person.passkey.remove', details: { id } })
      return { done: true as const }
    },
  }),
]

/** The session that asks; undefined: a token does. */
function sessionOf({ proof }: Caller): string | undefined {
  return proof?.kind === 'session' ? proof.id : undefined
}

export function showSession(session: Row<'sessions'>, caller: Caller): z.input<typeof sessionSchema> {
  const { id, createdAt, expiresAt, ipAddress, userAgent } = session
  return {
    id,
    since: formatMoment(new Date(createdAt).getTime()),
    endsAt: formatMoment(new Date(expiresAt).getTime()),
    address: ipAddress === '' ? null : ipAddress,
    program: userAgent === '' ? null : userAgent,
    isOwn: id === sessionOf(caller),
  }
}
