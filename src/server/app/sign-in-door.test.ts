import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { totpCode } from '../../../test/helpers/totp.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { authCalls } from './sign-in-door.ts'

const [email, password] = ['person1@example.org', 'correct horse battery']

test('below /api/auth only what is known is answered: no sign-up, no reset by mail, no path by another spelling', async () => {
  await using server = await TestServer.open()
  const browser = new Browser(server)
  for (const path of ['sign-up/email', 'request-password-reset', 'delete-user', 'sign-in/email/', '/sign-in/email']) {
    assert.equal((await browser.post(path, { email, name: 'Eve', password })).statusCode, 404, path)
  }
  for (const [path, { method }] of authCalls) {
    const known = await browser.send(method, path, {})
    assert.notEqual(known.statusCode, 404, path)
    assert.notEqual(known.statusCode, 500, path)
    const other = await browser.send(method === 'GET' ? 'POST' : 'GET', path, {})
    assert.equal(other.statusCode, 404, `${path}, asked in another way`)
  }
})

test('who guesses at codes without having shown a password keeps nobody else from showing a code', async () => {
  await using server = await TestServer.open()
  await server.person({ [everyClient]: 'owner' })
  const attacker = new Browser(server, '198.51.100.7')
  for (let i = 0; i < 30; i++) await attacker.post('two-factor/verify-totp', { code: '000000' })
  assert.equal((await attacker.post('two-factor/verify-totp', { code: '000000' })).statusCode, 429)

  const owner = await withSecondFactor(server)
  const elsewhere = new Browser(server, '203.0.113.1')
  assert.equal((await elsewhere.post('sign-in/email', { email, password })).statusCode, 200)
  const code = totpCode(owner.totpUri)
  assert.equal((await elsewhere.post('two-factor/verify-totp', { code })).statusCode, 200)
  assert.ok(await elsewhere.isSignedIn())
})

test('passwords that are sent all at once get no further than one after the other', async () => {
  await using server = await TestServer.open()
  await server.person({ [everyClient]: 'owner' })
  const tries = Array.from({ length: 40 }, async (_, i) => {
    const attacker = new Browser(server, `198.51.100.${i}`)
    return (await attacker.post('sign-in/email', { email, password: 'wrong wrong wrong' })).statusCode
  })
  const answers = await Promise.all(tries)
  assert.equal(answers.filter((status) => status === 401).length, 10)
  assert.equal(answers.filter((status) => status === 429).length, 30)
})

test('who signs in again and again does not get new guesses at others by it', async () => {
  await using server = await TestServer.open()
  await server.person({})
  await server.person({ [everyClient]: 'owner' })
  const insider = new Browser(server, '198.51.100.7')
  let looked = 0
  for (let i = 0; i < 13; i++) {
    await insider.post('sign-in/email', { email, password })
    const guess = await insider.post('sign-in/email', { email: 'person2@example.org', password: 'wrong wrong wrong' })
    if (guess.statusCode === 401) looked++
  }
  assert.equal(looked, 10)
})

test('who found an open session cannot guess the password with it', async () => {
  await using server = await TestServer.open()
  await server.person({ [everyClient]: 'owner' })
  const thief = new Browser(server)
  await thief.post('sign-in/email', { email, password })
  const statuses: number[] = []
  for (let i = 0; i < 12; i++) {
    const body = { currentPassword: `wrong wrong ${i}`, newPassword: 'another long password' }
    statuses.push((await thief.post('change-password', body)).statusCode)
  }
  assert.deepEqual([statuses[0], statuses.at(-1)], [400, 429])
})

test('who signs in, and what becomes of passwords and second factors, stands in the audit log; guessing does not fill it', async () => {
  await using server = await TestServer.open()
  const id = await server.person({ [everyClient]: 'owner' })
  const owner = await withSecondFactor(server)
  await owner.browser.post('two-factor/disable', { password })
  for (let i = 0; i < 12; i++) {
    const attacker = new Browser(server, `198.51.100.${i}`)
    await attacker.post('sign-in/email', { email, password: 'wrong wrong wrong' })
    await attacker.post('sign-in/email', { email: `nobody${i}@example.org`, password })
  }
  const entries = await Array.fromAsync(server.services.audit.entries())
  assert.deepEqual(
    entries.map(({ what, who }) => [what, who]),
    [
      ['person.sign-in', `person:${id}`],
      ['person.second-factor.make', `person:${id}`],
      ['person.second-factor.confirm', `person:${id}`],
      ['person.second-factor.remove', `person:${id}`],
      ['person.sign-in.refused', 'unknown'],
    ],
  )
  assert.equal(entries.at(-1)?.fromWhere, '198.51.100.0')
})

async function withSecondFactor(server: TestServer) {
  const browser = new Browser(server)
  await browser.post('sign-in/email', { email, password })
  const { totpURI } = (await browser.post('two-factor/enable', { password })).json<{ totpURI: string }>()
  assert.equal((await browser.post('two-factor/verify-totp', { code: totpCode(totpURI) })).statusCode, 200)
  return { browser, totpUri: totpURI }
}

/** Somebody's browser, with its cookies. */
class Browser {
  readonly #server: TestServer
  readonly #address: string
  readonly #cookies = new Map<string, string>()

  constructor(server: TestServer, address = '192.0.2.1') {
    this.#server = server
    this.#address = address
  }

  async post(path: string, body: object) {
    return await this.send('POST', path, body)
  }

  async send(method: 'GET' | 'POST', path: string, body: object) {
    const { app, services } = this.#server
    const answer = await app.inject({
      method,
      url: `/api/auth/${path}`,
      headers: { origin: services.origin, cookie: this.#cookie(), 'content-type': 'application/json' },
      ...(method === 'POST' && { payload: JSON.stringify(body) }),
      remoteAddress: this.#address,
    })
    for (const { name, value } of answer.cookies) {
      if (value === '') this.#cookies.delete(name)
      else this.#cookies.set(name, encodeURIComponent(value))
    }
    return answer
  }

  async isSignedIn(): Promise<boolean> {
    const { status } = await this.#server.call('GET', '/api/me', { headers: { cookie: this.#cookie() } })
    return status === 200
  }

  #cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }
}
