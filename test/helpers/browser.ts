import assert from 'node:assert/strict'
import { totpCode } from './totp.ts'
import type { TestServer } from './test-server.ts'

export interface Answered {
  readonly status: number
  readonly json: unknown
  /** Of a refusal; else undefined. */
  readonly code: string | undefined
}

/** A browser of somebody: it keeps cookies, and sends them to the server that it knows. */
export class Browser {
  readonly #server: TestServer
  readonly #cookies = new Map<string, string>()

  constructor(server: TestServer) {
    this.#server = server
  }

  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  async call(method: string, url: string, body?: unknown): Promise<Answered> {
    const { origin } = this.#server.services
    const answer = await this.#server.app.inject({
      method: method as 'GET',
      url,
      headers: { origin, cookie: this.cookie, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    })
    for (const cookie of [answer.headers['set-cookie'] ?? []].flat()) this.#keep(cookie)
    const json = answer.payload === '' ? undefined : (JSON.parse(answer.payload) as unknown)
    return { status: answer.statusCode, json, code: (json as { code?: string } | undefined)?.code }
  }

  /** The same, of what must go well. */
  async ask(method: string, url: string, body?: unknown): Promise<unknown> {
    const { status, json } = await this.call(method, url, body)
    assert.equal(status, 200, `${method} ${url}: ${JSON.stringify(json)}`)
    return json
  }

  /** By password, and by second factor where there is one. Returns whether it led to a session. */
  async signIn(email: string, password = 'correct horse battery', totpUri?: string): Promise<boolean> {
    const { status, json } = await this.call('POST', '/api/auth/sign-in/email', { email, password })
    if (status !== 200) return false
    if ((json as { twoFactorRedirect?: boolean }).twoFactorRedirect !== true) return true
    if (totpUri === undefined) return false
    return (await this.call('POST', '/api/auth/two-factor/verify-totp', { code: totpCode(totpUri) })).status === 200
  }

  /** Whether the server knows who it is. */
  async isKnown(): Promise<boolean> {
    return (await this.call('GET', '/api/me')).status === 200
  }

  #keep(cookie: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
    if (value === '') this.#cookies.delete(name)
    else this.#cookies.set(name, value)
  }
}

/** A second factor for who is signed in there; returns the address for an authenticator app, and recovery codes. */
export async function setUpSecondFactor(
  browser: Browser,
): Promise<{ readonly uri: string; readonly recoveryCodes: readonly string[] }> {
  const made = await browser.ask('POST', '/api/me/second-factor')
  const { uri, recoveryCodes } = made as { readonly uri: string; readonly recoveryCodes: readonly string[] }
  await browser.ask('POST', '/api/me/second-factor/confirmation', { code: totpCode(uri) })
  return { uri, recoveryCodes }
}
