import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { TestServer } from '../../../test/helpers/test-server.ts'

const policy = {
  name: 'Files',
  what: { include: ['/srv'] },
  when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC' },
  keep: { daily: 7 },
  to: { repository: 'own' },
}

test('a policy of which agents would leave a part out without a word is refused, and the part is named', async () => {
  await using server = await TestServer.open()
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  const made = await server.call('POST', '/api/clients', { headers, body: { name: 'Bakery' } })
  const path = `/api/clients/${(made.json as { id: string }).id}/policies`
  const asked: readonly [string, object][] = [
    ['to.repository', { to: { repository: 'another' } }],
    ['to.copies', { to: { repository: 'own', copies: [{ repository: 'another' }] } }],
  ]
  for (const [part, more] of asked) {
    const { status, json } = await server.call('POST', path, { headers, body: { ...policy, ...more } })
    const { code, message } = json as { code: string; message: string }
    assert.deepEqual([status, code], [400, 'BACKUP_POLICY_INVALID'], part)
    assert.ok(message.includes(part), message)
  }
  const accepted = await server.call('POST', path, { headers, body: policy })
  assert.equal(accepted.status, 200)
  const changed = { ...policy, name: 'All files', limits: { upload: 500 } }
  const { id } = accepted.json as { id: string }
  const { json } = await server.call('PUT', `/api/policies/${id}`, { headers, body: changed })
  assert.deepEqual([(json as { revision: number }).revision, (json as { policy: object }).policy], [2, changed])
  assert.deepEqual((await server.call('GET', `/api/policies/${id}`, { headers })).json, json)
})

test('a policy that is meant for laptops is followed by no server, whether it says so before or after', async () => {
  await using server = await TestServer.open()
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  const ask = async (method: string, path: string, body: object) =>
    (await server.call(method, path, { headers, body })) as { status: number; json: { id: string; message: string } }
  const { id: client } = (await ask('POST', '/api/clients', { name: 'Bakery' })).json
  const till = (await ask('POST', `/api/clients/${client}/machines`, { name: 'till', kind: 'server' })).json.id
  const mobile = (await ask('POST', `/api/clients/${client}/machines`, { name: 'mobile', kind: 'laptop' })).json.id
  const forLaptops = { ...policy, machines: ['laptop', 'pc'] }
  const { id } = (await ask('POST', `/api/clients/${client}/policies`, forLaptops)).json
  assert.equal((await ask('PUT', `/api/machines/${mobile}/policies`, { policies: [id] })).status, 200)
  const refused = await ask('PUT', `/api/machines/${till}/policies`, { policies: [id] })
  assert.equal(refused.status, 400)
  assert.match(refused.json.message, /meant for machines of the kind laptop, pc, and "till" is one of the kind server/)
  assert.equal((await ask('PUT', `/api/policies/${id}`, { ...policy, machines: ['server'] })).status, 400)
})

test('nobody waits for a machine that does no jobs: one without our agent, and one that was not approved', async () => {
  await using server = await TestServer.open()
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  const ask = async (method: string, path: string, body?: object) =>
    (await server.call(method, path, { headers, ...(body && { body }) })).json as { id: string; code: string }
  const { id: client } = await ask('POST', '/api/clients', { name: 'Bakery' })
  const { id: till } = await ask('POST', `/api/clients/${client}/machines`, { name: 'till', kind: 'server' })
  const { id } = await ask('POST', `/api/clients/${client}/policies`, policy)
  assert.equal((await ask('POST', `/api/machines/${till}/backup`, { policy: id })).code, 'STATE_WRONG', 'not followed')
  await ask('PUT', `/api/machines/${till}/policies`, { policies: [id] })
  for (const [call, body] of [
    ['backup', { policy: id }],
    ['try-dumps', { policy: id }],
    ['look', {}],
  ] as const) {
    assert.equal((await ask('POST', `/api/machines/${till}/${call}`, body)).code, 'STATE_WRONG', call)
  }
})
