import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { backupPolicySchema } from '#protocol'
import { heardSchema, understandDevices, understandPolicies } from './understand.ts'

const policy = backupPolicySchema.parse({
  name: 'Files',
  what: { include: ['/srv'] },
  when: { kind: 'daily', at: ['03:00'], timeZone: 'UTC' },
  keep: { daily: 7 },
  to: { repository: 'own' },
})
const access = { kind: 'smb', host: 'nas', user: 'backup', password: 'x' } as const

test('a policy of a newer version is not followed half: what is known of it goes on, and it is named', () => {
  const [old, fresh, plain] = [randomUUID(), randomUUID(), randomUUID()]
  const newer = { ...policy, what: { ...policy.what, telepathy: true } }
  const { policies = [] } = heardSchema.parse({
    policies: [
      { id: old, revision: 2, policy: newer },
      { id: fresh, revision: 1, policy: newer },
      { id: plain, revision: 5, policy, colour: 'green' },
    ],
    telepathy: [],
  })
  const known = { id: old, revision: 1, policy, since: 7 }
  const { all, notUnderstood } = understandPolicies(policies, [known], 9)
  assert.deepEqual(all, [known, { id: plain, revision: 5, policy, since: 9 }])
  assert.deepEqual(notUnderstood, [old, fresh])
})

test('a device that is reached in a way of which the agent does not know keeps no other from being read', () => {
  const [old, plain] = [randomUUID(), randomUUID()]
  const policyId = randomUUID()
  const policies = [{ id: policyId, revision: 1, policy }]
  const known = { id: old, name: 'nas', revision: 1, access, policies, since: { [policyId]: 3 } }
  const { devices = [] } = heardSchema.parse({
    devices: [
      { id: old, name: 'nas', revision: 2, access: { kind: 'telepathy' }, policies },
      { id: plain, name: 'phones', revision: 1, access, policies },
    ],
  })
  const { all, notUnderstood } = understandDevices(devices, [known], 9)
  assert.deepEqual(all, [known, { id: plain, name: 'phones', revision: 1, access, policies, since: { [policyId]: 9 } }])
  assert.deepEqual(notUnderstood, [old])
})

test('what is no longer said is no longer followed', () => {
  const known = { id: randomUUID(), revision: 1, policy, since: 7 }
  assert.deepEqual(understandPolicies([], [known], 9), { all: [], notUnderstood: [] })
})
