import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Actor } from '../records/audit.ts'
import { accountOf } from '../people/confirm-password.ts'
import { RefusedSignIns } from '../people/refused-sign-ins.ts'
import { addressHeader } from '../people/sign-in.ts'
import { ServerError } from '../errors.ts'
import type { Services } from './services.ts'

/**
 * better-auth answers below `/api/auth`, behind a door of our own: only calls that stand here get to it, guessing is slowed
 * down, and what comes of them stands in the audit log.
 */

interface AuthCall {
  readonly method: 'GET' | 'POST'
  /**
   * What it lets somebody guess: the password of the account that it names, a code of the account that has shown its password
   * (better-auth counts those by account itself), or the password of who is signed in.
   */
  readonly guesses?: 'password' | 'code' | 'own password'
  /** What stands in the audit log when it went well. */
  readonly audit?: string
}

const post = { method: 'POST' } as const
const get = { method: 'GET' } as const
const signIn = 'person.sign-in'

export const authCalls: ReadonlyMap<string, AuthCall> = new Map<string, AuthCall>([
  ['sign-in/email', { ...post, guesses: 'password', audit: signIn }],
  ['sign-out', post],
  ['get-session', get],
  ['list-sessions', get],
  ['revoke-session', post],
  ['revoke-sessions', post],
  ['revoke-other-sessions', { ...post, audit: 'person.sessions.end' }],
  ['change-password', { ...post, guesses: 'own password', audit: 'person.password' }],
  ['two-factor/enable', { ...post, guesses: 'own password', audit: 'person.second-factor.make' }],
  ['two-factor/disable', { ...post, guesses: 'own password', audit: 'person.second-factor.remove' }],
  ['two-factor/generate-backup-codes', { ...post, guesses: 'own password', audit: 'person.backup-codes' }],
  ['two-factor/get-totp-uri', { ...post, guesses: 'own password', audit: 'person.second-factor.show' }],
  ['two-factor/verify-totp', { ...post, guesses: 'code', audit: signIn }],
  ['two-factor/verify-backup-code', { ...post, guesses: 'code', audit: signIn }],
  ['passkey/generate-register-options', get],
  ['passkey/verify-registration', { ...post, audit: 'person.passkey.add' }],
  ['passkey/generate-authenticate-options', get],
  ['passkey/verify-authentication', { ...post, audit: signIn }],
  ['passkey/list-user-passkeys', get],
  ['passkey/update-passkey', post],
  ['passkey/delete-passkey', { ...post, audit: 'person.passkey.remove' }],
])

export function addSignIn(app: FastifyInstance, services: Services): void {
  const refused = new RefusedSignIns(services)
  app.route({
    method: ['GET', 'POST'],
    url: '/api/auth/*',
    handler: async (request, reply) => {
      const call = authCalls.get((request.params as { '*': string })['*'])
      if (call?.method !== request.method) throw new ServerError('NOT_FOUND', { what: 'call' })
      // Before it is answered, for that may end the session.
      const who = call.audit === undefined ? undefined : await personOf(request.headers.cookie, services)
      const answer = await answerCall(call, request, services)
      if (answer.ok) await noteDone(call, { request, answer, who }, services)
      else if (call.guesses === 'password') await refused.note(emailIn(request), request.ip)
      return await sendWebResponse(answer, reply)
    },
  })
}

async function answerCall({ guesses }: AuthCall, request: FastifyRequest, services: Services): Promise<Response> {
  const asked = toWebRequest(request, services.origin)
  const act = async () => await services.signIn.handle(asked)
  if (!guesses) return await act()
  const account = await guessedAccount(guesses, request, services)
  return await services.guesses.attempt({ address: request.ip, account }, act, { right: ({ ok }) => ok })
}

/** Whose secret a call lets somebody guess; undefined: nobody's who can be told, so that only the address counts. */
async function guessedAccount(
  guesses: NonNullable<AuthCall['guesses']>,
  request: FastifyRequest,
  services: Services,
): Promise<string | undefined> {
  if (guesses === 'password') return emailIn(request)
  if (guesses === 'code') return undefined
  const personId = await personOf(request.headers.cookie, services)
  return personId === undefined ? undefined : accountOf(personId)
}

function emailIn({ body }: FastifyRequest): string | undefined {
  try {
    const { email } = JSON.parse((body as Buffer | undefined)?.toString('utf8') ?? '') as { email?: unknown }
    return typeof email === 'string' ? email.toLowerCase().slice(0, 320) : undefined
  } catch {
    return undefined
  }
}

interface Answered {
  readonly request: FastifyRequest
  readonly answer: Response
  /** Who was signed in when it was asked. */
  readonly who: string | undefined
}

/** Before the answer leaves: a session that cannot be written down is not handed out. */
async function noteDone({ audit }: AuthCall, { request, answer, who }: Answered, services: Services): Promise<void> {
  if (audit === undefined) return
  const isOwn = audit !== signIn || (who !== undefined && request.url.includes('/two-factor/'))
  const set = answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
  const personId = isOwn ? who : await personOf(set.join('; '), services)
  // The password alone, where a second factor is still to come.
  if (personId === undefined) return
  const actor: Actor = { who: `person:${personId}`, fromWhere: request.ip }
  await services.audit.write({ actor, what: isOwn && audit === signIn ? 'person.second-factor.confirm' : audit })
}

async function personOf(
  cookie: string | undefined,
  { signIn: sessions }: Pick<Services, 'signIn'>,
): Promise<string | undefined> {
  return cookie === undefined || cookie === ''
    ? undefined
    : (await sessions.sessionOf(new Headers({ cookie })))?.personId
}

function toWebRequest({ method, url, headers, body, ip }: FastifyRequest, origin: string): Request {
  const known = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) known.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  known.set(addressHeader, ip)
  const bytes = body as Buffer | undefined
  return new Request(origin + url, { method, headers: known, ...(bytes && { body: new Uint8Array(bytes) }) })
}

async function sendWebResponse(answer: Response, reply: FastifyReply): Promise<FastifyReply> {
  reply.status(answer.status)
  for (const [name, value] of answer.headers) if (name !== 'set-cookie') reply.header(name, value)
  for (const cookie of answer.headers.getSetCookie()) reply.header('set-cookie', cookie)
  return await reply.send(Buffer.from(await answer.arrayBuffer()))
}
