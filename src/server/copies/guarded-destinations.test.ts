import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { makeClient } from '../../../test/helpers/made-client.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'

test('a destination of who administers one client only, whose name leads inside by now, is not connected to', async () => {
  const asked: string[] = []
  const inside = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await once(inside, 'listening')
  await using server = await TestServer.open()
  const { client } = await makeClient(server, 'bakery')
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  const { port } = inside.address() as AddressInfo
  const body = { name: 'Elsewhere', kind: 'rest', location: `rest:http://127.0.0.1:${port}/` }
  const made = await server.call('POST', `/api/clients/${client}/destinations`, {
    headers,
    body: { ...body, place: {} },
  })
  const { id } = made.json as { id: string }
  const tryIt = async () => (await server.call('POST', `/api/destinations/${id}/test`, { headers, body: {} })).text
  await tryIt()
  assert.ok(asked.length > 0, 'an administrator of the server may name what is inside')
  asked.length = 0
  await server.services.store.db.updateTable('destinations').set({ isGuarded: 1 }).where('id', '=', id).execute()
  assert.match(await tryIt(), /ALERT_ADDRESS_REFUSED/)
  assert.deepEqual(asked, [])
  inside.closeAllConnections()
  await new Promise((closed) => inside.close(closed))
})
