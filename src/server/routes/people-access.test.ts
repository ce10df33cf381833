import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { Browser, setUpSecondFactor } from '../../../test/helpers/browser.ts'
import { KeptRepository } from '../../../test/helpers/kept-repository.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'

const hour = 3_600_000
const [first, second] = ['person1@example.org', 'person2@example.org']
const next = 'another long password'

function codeOf({ json }: { readonly json: unknown }): string | undefined {
  return (json as { code?: string }).code
}

async function setUp(server: TestServer, link: string, email: string): Promise<string | undefined> {
  const body = { token: link.split('#')[1], email, name: 'Anew', password: next }
  return codeOf(await server.call('POST', '/api/set-up', { body }))
}

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(
    about('who is removed is nobody at the next call, and who still hears of alerts at that address is named'),
    { skip },
    async () => {
      await using server = await TestServer.open(kind)
      const owner = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
      const gone = await server.person({ [everyClient]: 'operator' })
      const [token, browser] = [await server.tokenOf(gone), new Browser(server)]
      await browser.signIn(second)
      await setUpSecondFactor(browser)
      const mail = { id: 'mail', name: 'Mail', kind: 'email', host: 'mail.example.org', from: 'u@example.org' } as const
      const ben = { id: 'ben', name: 'Ben', ways: [{ channel: 'mail', address: 'Person2@example.org' }] }
      const anna = { id: 'anna', name: 'Anna', ways: [{ channel: 'mail', address: first }] }
      await server.services.alerting.settings.change((before) => ({ ...before, channels: [mail], people: [ben, anna] }))
      const answer = await server.call('DELETE', `/api/people/${gone}`, { headers: owner })
      assert.deepEqual(answer.json, { done: true, hearsAlertsAs: [{ id: 'ben', name: 'Ben' }] })
      assert.equal(await browser.isKnown(), false)
      assert.equal((await server.call('GET', '/api/me', { headers: token })).status, 401)
      assert.equal(await browser.signIn(second), false)
      assert.equal(codeOf(await server.call('DELETE', `/api/people/${gone}`, { headers: owner })), 'NOT_FOUND')
      const entries = await Array.fromAsync(server.services.audit.entries())
      const entry = entries.find(({ what }) => what === 'person.remove')
      assert.match(entry?.details ?? '', /person2@example\.org/)
    },
  )

  test(about('the last owner stays, also when two owners are removed at the same time'), { skip }, async () => {
    await using server = await TestServer.open(kind)
    const [one, other] = [
      await server.person({ [everyClient]: 'owner' }),
      await server.person({ [everyClient]: 'owner' }),
    ]
    const headers = await server.tokenOf(one)
    const removed = await Promise.all(
      [one, other].map(async (id) => codeOf(await server.call('DELETE', `/api/people/${id}`, { headers }))),
    )
    const owners = await server.services.store.db.selectFrom('roleGrants').selectAll().execute()
    assert.equal(owners.length, 1, removed.join())
    const left = owners[0]?.personId ?? ''
    const last = await server.call('DELETE', `/api/people/${left}`, { headers: await server.tokenOf(left) })
    assert.equal(codeOf(last), 'STATE_WRONG')
    assert.equal((await server.services.store.db.selectFrom('people').selectAll().execute()).length, 1)
    assert.equal((await server.services.audit.verify()).fault, undefined)
  })

  test(
    about('a reset link gives the account another password once; sessions, tokens and, if said, the second factor end'),
    { skip },
    async () => {
      await using server = await TestServer.open(kind)
      const owner = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
      const lost = await server.person({ [everyClient]: 'operator' })
      const [token, browser] = [await server.tokenOf(lost), new Browser(server)]
      await browser.signIn(second)
      const { uri } = await setUpSecondFactor(browser)
      const reset = async (body: object) =>
        ((await server.call('POST', `/api/people/${lost}/reset`, { headers: owner, body })).json as { link: string })
          .link
      const [before, link] = [await reset({}), await reset({})]
      assert.equal(await setUp(server, before, second), 'SET_UP_LINK_INVALID', 'the one before')
      assert.equal(await setUp(server, link, first), 'SET_UP_LINK_INVALID', 'for another address')
      assert.ok(await browser.isKnown(), 'nothing has changed yet')
      assert.equal(await setUp(server, link, second), undefined)
      assert.equal(await setUp(server, link, second), 'SET_UP_LINK_INVALID', 'a second time')
      assert.equal(await browser.isKnown(), false)
      assert.equal((await server.call('GET', '/api/me', { headers: token })).status, 401)
      assert.equal(await browser.signIn(second, next), false, 'the second factor is still asked for')
      assert.ok(await browser.signIn(second, next, uri))
      assert.equal(await setUp(server, await reset({ secondFactor: true }), second), undefined)
      assert.ok(await browser.signIn(second, next))
      const unused = await reset({})
      server.clock.pass(25 * hour)
      assert.equal(await setUp(server, unused, second), 'SET_UP_LINK_INVALID', 'after a day')
      const noted = (await Array.fromAsync(server.services.audit.entries())).filter(({ what }) =>
        what.startsWith('person.reset'),
      )
      assert.deepEqual(
        noted.map(({ what }) => what),
        [
          'person.reset-link',
          'person.reset-link',
          'person.reset',
          'person.reset-link',
          'person.reset',
          'person.reset-link',
        ],
      )
    },
  )

  test(about('whose account was reset is no second person for a while'), { skip }, async () => {
    await using kept = await KeptRepository.open(kind)
    const [asker, other, third] = [await kept.owner(), await kept.owner(), await kept.owner()]
    await kept.signInNow()
    const asked = await kept.server.call('DELETE', `/api/machines/${kept.machine}`, { headers: asker.token })
    const { id } = (asked.json as { waits: { id: string } }).waits
    const { db } = kept.services.store
    const { email } = await db.selectFrom('people').select('email').where('id', '=', other.id).executeTakeFirstOrThrow()
    const reset = await kept.server.call('POST', `/api/people/${other.id}/reset`, { headers: asker.token, body: {} })
    assert.equal(await setUp(kept.server, (reset.json as { link: string }).link, email), undefined)
    const thief = new Browser(kept.server)
    await thief.signIn(email, next)
    await kept.signInNow()
    assert.equal((await thief.call('POST', `/api/approvals/${id}/allow`)).code, 'APPROVAL_PERSON_NEW')
    assert.equal((await kept.server.call('POST', `/api/approvals/${id}/allow`, { headers: third.session })).status, 200)
  })

  test(
    about('an owner sees where another is signed in and ends it, with the tokens if that is said'),
    { skip },
    async () => {
      await using server = await TestServer.open(kind)
      const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
      const id = await server.person({ [everyClient]: 'operator' })
      const [token, browser] = [await server.tokenOf(id), new Browser(server)]
      await browser.signIn(second)
      const sessions = await server.call('GET', `/api/people/${id}/sessions`, { headers })
      assert.equal((sessions.json as object[]).length, 1)
      const signOut = async (body: object) => await server.call('POST', `/api/people/${id}/sign-out`, { headers, body })
      await signOut({})
      assert.equal(await browser.isKnown(), false)
      assert.equal((await server.call('GET', '/api/me', { headers: token })).status, 200)
      await signOut({ tokens: true })
      assert.equal((await server.call('GET', '/api/me', { headers: token })).status, 401)
      for (const path of ['sessions', 'sign-out', 'reset']) {
        const method = path === 'sessions' ? 'GET' : 'POST'
        const unknown = await server.call(method, `/api/people/nobody/${path}`, { headers, body: {} })
        assert.equal(codeOf(unknown), 'NOT_FOUND', path)
      }
    },
  )
}

test('the role of an owner is taken away by who proves anew who it is, other roles by whom the right is', async () => {
  await using server = await TestServer.open()
  const id = await server.person({ [everyClient]: 'owner' })
  const [plain, whole] = [await server.tokenOf(id, ['see', 'administer']), await server.tokenOf(id)]
  const other = await server.person({ [everyClient]: 'owner' })
  const set = async (headers: Readonly<Record<string, string>>, role: string) => {
    const body = { roles: [{ clientId: everyClient, role }] }
    return codeOf(await server.call('PUT', `/api/people/${other}/roles`, { headers, body }))
  }
  assert.equal(await set(plain, 'operator'), 'PROOF_NEEDED')
  assert.equal(await set(plain, 'owner'), undefined)
  assert.equal(await set(whole, 'operator'), undefined)
  assert.equal(await set(plain, 'auditor'), undefined)
})
