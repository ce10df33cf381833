import assert from 'node:assert/strict'
import { test } from 'node:test'
import { may } from './person.ts'

const bakery = '5f0c2f0e-2f5f-4b0a-9f0a-1d0f6f1f0a01'

test('what a role for one client allows is offered there, and nowhere else', () => {
  const operator = { roles: [{ clientId: bakery, role: 'operator' as const }] }
  assert.ok(may(operator, 'operate', bakery))
  assert.ok(!may(operator, 'operate'), 'not for the server itself')
  assert.ok(!may(operator, 'read', bakery), 'an operator reads nobody’s files')
  assert.ok(may({ roles: [{ clientId: '*', role: 'owner' }] }, 'read', bakery))
})
