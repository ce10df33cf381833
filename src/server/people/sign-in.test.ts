import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { getMigrations } from 'better-auth/db/migration'
import { openMigrated, storeKinds } from '../../../test/helpers/stores.ts'
import { passkeysWork, SignIn, signInOptions } from './sign-in.ts'

const options = { origin: 'http://localhost:8484', secret: 'a secret of the tests, long enough' }
const password = 'correct horse battery'

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(about('the schema has every table and column that signing in needs'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const { toBeCreated } = await getMigrations({
      ...signInOptions(opened.store, options),
      database: new DatabaseSync(':memory:'),
    })
    const tables = await opened.store.db.introspection.getTables()
    for (const { table, fields } of toBeCreated) {
      const ours = tables.find(({ name }) => name === snakeCase(table))?.columns.map(({ name }) => name)
      assert.deepEqual(ours?.toSorted(), ['id', ...Object.keys(fields).map(snakeCase)].toSorted(), table)
    }
    assert.equal(toBeCreated.length, 6)
  })

  test(about('a person signs in with the password, is known by the cookie, and signs out'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const signIn = new SignIn(opened.store, options)
    const id = await signIn.createPerson({ email: 'Ada@example.org', name: 'Ada', password })
    const answer = await signIn.handle(post('sign-in/email', { email: 'ada@example.org', password }))
    assert.equal(answer.status, 200)
    const cookie = cookiesOf(answer)
    const session = await signIn.sessionOf(new Headers({ cookie }))
    assert.equal(session?.personId, id)
    assert.equal(session.hasSecondFactor, false)
    assert.ok(Math.abs(session.since - Date.now()) < 60_000)
    assert.equal((await signIn.handle(post('sign-out', {}, cookie))).status, 200)
    assert.equal(await signIn.sessionOf(new Headers({ cookie })), undefined)
  })

  test(about('a wrong password, a forged cookie and another origin are refused'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const signIn = new SignIn(opened.store, options)
    await signIn.createPerson({ email: 'ada@example.org', name: 'Ada', password })
    assert.equal(
      (await signIn.handle(post('sign-in/email', { email: 'ada@example.org', password: 'wrong wrong wrong' }))).status,
      401,
    )
    const cookie = cookiesOf(await signIn.handle(post('sign-in/email', { email: 'ada@example.org', password })))
    const forged = cookie.replace(/=(.)/, (_, first: string) => `=${first === 'A' ? 'B' : 'A'}`)
    assert.equal(await signIn.sessionOf(new Headers({ cookie: forged })), undefined)
    const foreign = post('sign-out', {}, cookie, 'https://evil.example')
    assert.equal((await signIn.handle(foreign)).status, 403)
    assert.equal(
      (await signIn.handle(post('sign-up/email', { email: 'eve@example.org', name: 'Eve', password }))).status,
      400,
    )
  })

  test(about('a changed password ends every session'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const signIn = new SignIn(opened.store, options)
    const id = await signIn.createPerson({ email: 'ada@example.org', name: 'Ada', password })
    const cookie = cookiesOf(await signIn.handle(post('sign-in/email', { email: 'ada@example.org', password })))
    await signIn.setPassword(id, 'another long password')
    assert.equal(await signIn.sessionOf(new Headers({ cookie })), undefined)
    assert.equal(await signIn.isPasswordOf(id, password), false)
    assert.equal(await signIn.isPasswordOf(id, 'another long password'), true)
  })
}

test('passkeys are offered where a name and a trusted certificate allow them', () => {
  for (const origin of ['http://localhost:8484', 'https://backup.example.org']) assert.ok(passkeysWork(origin), origin)
  for (const origin of [
    'http://127.0.0.1:8484',
    'https://192.0.2.1:8484',
    'https://[2001:db8::1]',
    'http://backup.example.org',
  ]) {
    assert.ok(!passkeysWork(origin), origin)
  }
})

function post(path: string, body: object, cookie?: string, origin = options.origin): Request {
  const headers = { 'content-type': 'application/json', origin, ...(cookie !== undefined && { cookie }) }
  return new Request(`${options.origin}/api/auth/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

function cookiesOf(answer: Response): string {
  return answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
