import { passkey } from '@better-auth/passkey'
import { betterAuth } from 'better-auth'
import type { BetterAuthOptions } from 'better-auth'
import { twoFactor } from 'better-auth/plugins'
import type { Store } from '../store/store.ts'

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
    twoFactor({ issuer: 'Understudy', twoFactorTable: 'twoFactors' }),
    ...(passkeysWork(origin)
      ? [
          passkey({
            rpID: hostname,
            rpName: 'Understudy',
            origin,
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

/** The header in which the app hands over the address of who asks. What a client sends under this name is dropped. */
export const addressHeader = 'x-understudy-address'

/** Passkeys belong to a name with a certificate; addresses have none. Browsers make an exception for localhost. */
export function passkeysWork(origin: string): boolean {
  const { hostname, protocol } = new URL(origin)
  if (hostname === 'localhost') return true
  return protocol === 'https:' && hostname.includes('.') && !/^[0-9.]+$/.test(hostname) && !hostname.startsWith('[')
}

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
  readonly #auth: ReturnType<typeof createAuth>

  constructor(store: Store, options: SignInOptions) {
    this.#auth = createAuth(store, options)
  }

  /** Answers a request below `/api/auth`. */
  async handle(request: Request): Promise<Response> {
    return await this.#auth.handler(request)
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

  async setPassword(personId: string, password: string): Promise<void> {
    const { internalAdapter, password: passwords } = await this.#auth.$context
    await internalAdapter.updatePassword(personId, await passwords.hash(password))
    await internalAdapter.deleteUserSessions(personId)
  }
}

function createAuth(store: Store, options: SignInOptions) {
  return betterAuth(signInOptions(store, options))
}
