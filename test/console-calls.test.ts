import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import * as calls from '../src/console/api/calls.ts'
import * as channelCalls from '../src/console/api/channel-calls.ts'
import * as copyCalls from '../src/console/api/copy-calls.ts'
import * as safetyCalls from '../src/console/api/safety-calls.ts'
import * as signInCalls from '../src/console/api/sign-in-calls.ts'
import { authCalls } from '../src/server/app/sign-in-door.ts'
import { routes } from '../src/server/routes/index.ts'

test('each call that the console makes is in the server’s table, and its answer is read by the same schema', () => {
  const all = Object.entries({ ...calls, ...channelCalls, ...copyCalls, ...safetyCalls })
  assert.ok(all.length > 30)
  for (const [name, { method, path, answer }] of all) {
    const route = routes.find((each) => each.method === method && each.path === path)
    assert.ok(route, `${name}: ${method} ${path}`)
    assert.deepEqual(z.toJSONSchema(answer), z.toJSONSchema(route.answer), name)
  }
})

test('each call of sign-in that the console makes is let through the server’s door', () => {
  for (const { method, path } of Object.values(signInCalls)) {
    const call = authCalls.get(path.replace('/api/auth/', ''))
    assert.equal(call?.method, method, path)
  }
})
