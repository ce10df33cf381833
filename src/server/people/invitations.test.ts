import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'

const email = 'anna@bakery.example'

for (const kind of storeKinds) {
  test(
    `${kind.name}: who was invited is listed without the link until the link is used or has expired, and a new link ends the one before it`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
      const invite = async (to: string, role: string) => {
        const body = { email: to, roles: [{ role, clientId: everyClient }] }
        const { json } = await server.call('POST', '/api/people/invite', { headers, body })
        return (json as { link: string }).link.split('#')[1] as string
      }
      const open = async () => await server.call('GET', '/api/people/invitations', { headers })
      const use = async (token: string, as: string = email) =>
        (await server.call('POST', '/api/set-up', { body: { token, email: as, name: 'A', password: 'correct horse' } }))
          .status
      const first = await invite(email, 'auditor')
      const other = await invite('ben@bakery.example', 'auditor')
      const second = await invite(email, 'operator')
      const { json, text } = await open()
      const listed = (json as { email: string; roles: object[] }[]).toSorted((a, b) => (a.email < b.email ? -1 : 1))
      assert.deepEqual(
        listed.map(({ email: to, roles }) => [to, roles]),
        [
          [email, [{ role: 'operator', clientId: everyClient }]],
          ['ben@bakery.example', [{ role: 'auditor', clientId: everyClient }]],
        ],
      )
      assert.ok(!text.includes(second))
      assert.equal(await use(first), 400, 'the one before')
      assert.equal(await use(second), 200)
      assert.equal(((await open()).json as object[]).length, 1)
      server.clock.pass(8 * 86_400_000)
      assert.deepEqual((await open()).json, [])
      assert.equal(await use(other, 'ben@bakery.example'), 400)
    },
  )
}
