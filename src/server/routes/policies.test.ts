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
})
