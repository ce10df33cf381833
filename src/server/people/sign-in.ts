import { passkey } from '@better-auth/passkey'
import { betterAuth } from 'better-auth'
import { APIError } from 'better-auth/api'
import type { BetterAuthOptions } from 'better-auth'
import { twoFactor } from 'better-auth/plugins'
import type { Store } from '../store/store.ts'
import { PeopleError } from './errors.ts'
import { isFresh, proofMinutes } from './proof-age.ts'
import { SecondFactors } from './second-factors.ts'
import { endSessions } from './sessions.ts'

/** Sign-in by better-auth: password, second factor, passkeys, sessions. Nobody signs up: people are invited. */

export interface SignInOptions {
  /** As people reach the server: `https://backup.example:8484`. */
  readonly origin: string
  /** Signs cookies and seals second factors: a key that is not in the database. */
  readonly secret: string
}

/** Days after which one has to sign in again, used or not. */
const sessionDays = 7

export function signInOptions({ db, engine }: Store, { origin, secret }: SignInOptions) {
  const { hostname, protocol } = new URL(origin)
  const isSecure = protocol === 'https:'
  const plugins = [
    // A device that is trusted for a month would make of two factors one.
    twoFactor({ issuer: 'Understudy', twoFactorTable: 'twoFactors', trustDeviceMaxAge: 0 }),
    ...(passkeysWork(origin)
      ? [
          passkey({
            rpID: hostname,
            rpName: 'Understudy',
            origin,
            // With a PIN or a finger it is two factors; without, whoever finds the key would be in.
            authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
            registration: {
              afterVerification: ({ verification }) => requireVerified(verification.registrationInfo?.userVerified),
            },
            authentication: {
              afterVerification: ({ verification }) => requireVerified(verification.authenticationInfo.userVerified),
            },
            schema: { passkey: { modelName: 'passkeys', fields: { credentialID: 'credentialId' } } },
          }),
        ]
      : []),
  ]
  return {
    appName: 'Understudy',
    baseURL: origin,
    basePath: '/api/auth',
    secret,
    database: { db, type: engine },
    emailAndPassword: { enabled: true, disableSignUp: true, minPasswordLength: 12, maxPasswordLength: 256 },
    user: { modelName: 'people' },
    account: { modelName: 'accounts' },
    verification: { modelName: 'verifications' },
    session: { modelName: 'sessions', expiresIn: sessionDays * 86_400, updateAge: 3_600, freshAge: 600 },
    trustedOrigins: [origin],
    plugins,
    advanced: {
      cookiePrefix: 'understudy',
      useSecureCookies: isSecure,
      defaultCookieAttributes: { httpOnly: true, sameSite: 'strict', secure: isSecure },
      // The app says who asks; a header that anybody can send does not.
      ipAddress: { ipAddressHeaders: [addressHeader] },
    },
    // Counted in front of it, for each account and each address.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    // It would write to the terminal, past the server's log, which has how each call ended.
    logger: { disabled: true },
  } satisfies BetterAuthOptions
}

function requireVerified(isVerified: boolean | undefined): void {
  if (isVerified === true) return
  // In better-auth's own words: any other error would be a failure of the server to it.
  const { code, message } = new PeopleError('PASSKEY_NOT_VERIFIED')
  throw new APIError('FORBIDDEN', { code, message })
}

/** The header in which the app hands over the address of who asks. What a client sends under this name is dropped. */
export const addressHeader = 'x-understudy-address'

/** Passkeys belong to a name with a certificate; addresses have none. Browsers make an exception for localhost. */
export function passkeysWork(origin: string): boolean {
  const { hostname, protocol } = new URL(origin)
  if (hostname === 'localhost') return true
  return protocol === 'https:' && hostname.includes('.') && !/^[0-9.]+$/.test(hostname) && !hostname.startsWith('[')
}

/** What changes how somebody signs in: better-auth is content with the password, or with any session. */
const freshCalls: ReadonlySet<string> = new Set([
  'two-factor/enable',
  'two-factor/disable',
  'two-factor/generate-backup-codes',
  'two-factor/get-totp-uri',
  'passkey/delete-passkey',
])

export interface Session {
  readonly id: string
  readonly personId: string
  /** Milliseconds since 1970. */
  readonly endsAt: number
  /** When the password or passkey was last shown, in milliseconds since 1970. */
  readonly since: number
  readonly hasSecondFactor: boolean
}

export class SignIn {
  readonly secondFactors: SecondFactors
  readonly #auth: ReturnType<typeof createAuth>
  readonly #origin: string
  readonly #store: Store

  constructor(store: Store, options: SignInOptions) {
    this.#auth = createAuth(store, options)
    this.#origin = options.origin
    this.#store = store
    this.secondFactors = new SecondFactors(async () => await this.#auth.$context)
  }

  /** Answers a request below `/api/auth`. Throws `PROOF_NEEDED`, `PASSKEYS_NOT_HERE`, `PASSKEY_REFUSED`. */
  async handle(request: Request): Promise<Response> {
    const call = new URL(request.url).pathname.slice('/api/auth/'.length)
    if (freshCalls.has(call)) await this.#requireFresh(request.headers)
    const isPasskeyCall = call.startsWith('passkey/')
    if (isPasskeyCall && !passkeysWork(this.#origin)) {
      throw new PeopleError('PASSKEYS_NOT_HERE', { origin: this.#origin })
    }
    const answer = await this.#auth.handler(request)
    // What a browser sent that cannot be verified is no failure of the server.
    if (isPasskeyCall && answer.status === 500) throw new PeopleError('PASSKEY_REFUSED')
    return answer
  }

  async #requireFresh(headers: Headers): Promise<void> {
    const session = await this.sessionOf(headers)
    if (session && !isFresh(session.since, Date.now())) throw new PeopleError('PROOF_NEEDED', { minutes: proofMinutes })
  }

  /** Who has this session cookie; undefined: nobody. */
  async sessionOf(headers: Headers): Promise<Session | undefined> {
    const found = await this.#auth.api.getSession({ headers })
    if (!found) return undefined
    const { session, user } = found
    return {
      id: session.id,
      personId: user.id,
      endsAt: session.expiresAt.getTime(),
      since: session.createdAt.getTime(),
      hasSecondFactor: (user as { twoFactorEnabled?: boolean | null }).twoFactorEnabled === true,
    }
  }

  /** A new person with a password. The caller has made sure that there is none of this address. Returns the id. */
  async createPerson(person: {
    readonly email: string
    readonly name: string
    readonly password: string
  }): Promise<string> {
    const { email, name, password } = person
    const { internalAdapter, password: passwords } = await this.#auth.$context
    const hash = await passwords.hash(password)
    const { id } = await internalAdapter.createUser(
      { email: email.toLowerCase(), name, emailVerified: true },
      { method: 'email' },
    )
    await internalAdapter.linkAccount({ userId: id, accountId: id, providerId: 'credential', password: hash })
    return id
  }

  /** Whether this is the person's password: asked again before what cannot be undone. */
  async isPasswordOf(personId: string, password: string): Promise<boolean> {
    const { internalAdapter, password: passwords } = await this.#auth.$context
    const accounts = await internalAdapter.findAccounts(personId)
    const hash = accounts.find(({ providerId }) => providerId === 'credential')?.password
    return typeof hash === 'string' && (await passwords.verify({ hash, password }))
  }

  /** Ends every session of the person, but for the one that is kept. */
  async setPassword(
    personId: string,
    password: string,
    options: { readonly keep?: string | undefined } = {},
  ): Promise<void> {
    const { internalAdapter, password: passwords } = await this.#auth.$context
    await internalAdapter.updatePassword(personId, await passwords.hash(password))
    await endSessions(this.#store.db, personId, options)
  }
}

function createAuth(store: Store, options: SignInOptions) {
  return betterAuth(signInOptions(store, options))
}
