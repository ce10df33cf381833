import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { Authenticator } from '../../../test/helpers/authenticator.ts'
import type { CreationOptions, RequestOptions } from '../../../test/helpers/authenticator.ts'
import { Browser } from '../../../test/helpers/browser.ts'
import { openMigrated, storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { SignIn } from './sign-in.ts'

const origin = 'http://localhost:8484'
const email = 'person1@example.org'

async function add(browser: Browser, authenticator: Authenticator): Promise<number> {
  const options = await browser.ask('GET', '/api/auth/passkey/generate-register-options')
  const response = authenticator.create(options as CreationOptions)
  return (await browser.call('POST', '/api/auth/passkey/verify-registration', { name: 'Key', response })).status
}

async function enter(browser: Browser, authenticator: Authenticator): Promise<number> {
  const options = await browser.ask('GET', '/api/auth/passkey/generate-authenticate-options')
  return await enterBy(browser, authenticator.get(options as RequestOptions))
}

async function enterBy(browser: Browser, response: object): Promise<number> {
  return (await browser.call('POST', '/api/auth/passkey/verify-authentication', { response })).status
}

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(
    about('a person adds a passkey, signs in with it alone, and not any more when it is removed'),
    { skip },
    async () => {
      await using server = await TestServer.open(kind)
      await server.person({ [everyClient]: 'owner' })
      const [here, there] = [new Browser(server), new Browser(server)]
      await here.signIn(email)
      const authenticator = new Authenticator({ origin })
      assert.equal(await add(here, authenticator), 200)
      const listed = (await here.ask('GET', '/api/me/passkeys')) as {
        id: string
        name: string
        isOfOneDevice: boolean
      }[]
      assert.deepEqual(
        listed.map(({ name, isOfOneDevice }) => [name, isOfOneDevice]),
        [['Key', true]],
      )
      assert.equal(await enter(there, authenticator), 200)
      assert.equal(((await there.ask('GET', '/api/me')) as { email: string }).email, email)
      // Its sign-in is as fresh as one by password and code.
      await there.ask('POST', '/api/tokens', { name: 'x', scopes: ['see'] })
      await here.ask('DELETE', `/api/me/passkeys/${listed[0]?.id}`)
      assert.equal(await enter(new Browser(server), authenticator), 401)
      assert.ok(await there.isKnown())
    },
  )

  test(
    about('a stolen answer, another key, another page, and a key that does not ask who uses it are refused'),
    { skip },
    async () => {
      await using server = await TestServer.open(kind)
      await server.person({})
      const here = new Browser(server)
      await here.signIn(email)
      const [authenticator, stranger] = [new Authenticator({ origin }), new Authenticator({ origin })]
      assert.equal(await add(here, new Authenticator({ origin, verifiesUser: false })), 403)
      assert.equal(await add(here, new Authenticator({ origin: 'https://evil.example' })), 400)
      assert.equal(await add(here, authenticator), 200)
      const thief = new Browser(server)
      assert.equal(await enter(thief, stranger), 401)
      const asked = (await thief.ask('GET', '/api/auth/passkey/generate-authenticate-options')) as RequestOptions
      const answer = authenticator.get(asked)
      assert.equal(await enterBy(new Browser(server), answer), 400, 'in another browser')
      assert.equal(await enterBy(thief, answer), 200)
      await thief.ask('POST', '/api/auth/sign-out', {})
      assert.equal(await enterBy(thief, answer), 400, 'a second time')
      const elsewhere = new Authenticator({ origin: 'https://evil.example' })
      assert.equal(await enter(thief, elsewhere), 401)
      assert.equal(await thief.isKnown(), false)
    },
  )

  test(about('a passkey that was added with a PIN opens nothing without it'), { skip }, async () => {
    await using server = await TestServer.open(kind)
    await server.person({})
    const here = new Browser(server)
    await here.signIn(email)
    const authenticator = new Authenticator({ origin })
    await add(here, authenticator)
    assert.equal(await enter(new Browser(server), authenticator), 200)
    authenticator.stopVerifying()
    assert.equal(await enter(new Browser(server), authenticator), 403)
  })
}

test('where there is no name with a certificate, passkeys are refused in one sentence', async () => {
  await using opened = await openMigrated(storeKinds[0] as (typeof storeKinds)[0])
  for (const at of ['http://127.0.0.1:8484', 'https://192.0.2.1:8484', 'http://backup.example.org']) {
    const signIn = new SignIn(opened.store, { origin: at, secret: 'a secret of the tests, long enough' })
    for (const path of ['generate-register-options', 'generate-authenticate-options']) {
      await assert.rejects(signIn.handle(new Request(`${at}/api/auth/passkey/${path}`)), {
        code: 'PASSKEYS_NOT_HERE',
        message: /^Passkeys do not work at .+: they belong to a domain name with a certificate that browsers trust\.$/,
      })
    }
  }
})
