import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { fileNamed, pathOf, startEndpoint } from './testing.ts'

test('a repository is made, filled and read', async () => {
  await using server = await startEndpoint()
  assert.equal((await server.send('/repo/anna/?create=true', { method: 'POST' })).status, 200)
  const bytes = randomBytes(3 << 20)
  const pack = pathOf(fileNamed('pack', bytes))
  assert.equal((await server.send(pack, { method: 'POST', body: bytes })).status, 200)
  const read = await server.send(pack)
  assert.equal(read.status, 200)
  assert.ok(read.body.equals(bytes))
})
