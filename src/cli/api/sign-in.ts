import type { Cancellable } from '#base'
import type { Questions } from './ask.ts'
import { callApi, exchange } from './connection.ts'
import type { Answer, KnownServer } from './connection.ts'
import { CallError, ServerRefusal } from './errors.ts'

/** A session, by which what needs the password is asked for; disposed of, it is ended. */
export interface Session extends AsyncDisposable {
  readonly email: string
  readonly headers: Readonly<Record<string, string>>
}

interface Known {
  readonly email?: string | undefined
}

/**
 * Signs somebody in by password and, where one is set up, second factor: e-mail address, password, code are asked for.
 * Throws `SIGN_IN_REFUSED`, and what a call throws.
 */
export async function signIn(
  server: KnownServer,
  { ask, askSecret }: Questions,
  { email: given, signal }: Known & Cancellable,
): Promise<Session> {
  const origin = await originOf(server, { signal })
  const email = given ?? (await ask('e-mail address: '))
  const password = await askSecret('password: ')
  const post = async (path: string, body: object, cookie?: string) => {
    const headers = { origin, ...(cookie !== undefined && { cookie }) }
    return await exchange(server, { method: 'POST', path: `/api/auth/${path}`, body, headers }, { signal })
  }
  let answer = accepted(await post('sign-in/email', { email, password }))
  if ((answer.json as { readonly twoFactorRedirect?: unknown } | null)?.twoFactorRedirect === true) {
    const code = (await askSecret('code of the second factor: ')).replaceAll(' ', '')
    const path = /^\d{6}$/.test(code) ? 'two-factor/verify-totp' : 'two-factor/verify-backup-code'
    answer = accepted(await post(path, { code }, cookiesOf(answer)))
  }
  const cookie = cookiesOf(answer)
  return {
    email,
    headers: { cookie },
    [Symbol.asyncDispose]: async () => {
      // The end of a session that is of no more use is worth no failure: it ends by itself.
      await post('sign-out', {}, cookie).catch(() => undefined)
    },
  }
}

/** As the server itself calls its address: sign-in is for that one only. */
async function originOf(server: KnownServer, options: Cancellable): Promise<string> {
  const described = await callApi(server, { method: 'GET', path: '/api/openapi.json' }, options)
  const { servers } = (described ?? {}) as { readonly servers?: readonly { readonly url?: unknown }[] }
  const origin = servers?.[0]?.url
  if (typeof origin === 'string') return origin
  throw new CallError('ANSWER_INVALID', { url: server.url, reason: 'it does not say its address' })
}

function accepted(answer: Answer): Answer {
  if (answer.status === 200) return answer
  const { code, message, hint } = (answer.json ?? {}) as Readonly<Record<string, unknown>>
  if (answer.status === 429 && typeof hint === 'string') {
    throw new ServerRefusal({ code: String(code), message: String(message), hint })
  }
  throw new CallError('SIGN_IN_REFUSED', { reason: typeof message === 'string' ? message : `status ${answer.status}` })
}

function cookiesOf({ headers }: Answer): string {
  return (headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0]).join('; ')
}
