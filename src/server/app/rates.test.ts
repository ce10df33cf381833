import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { makeClient } from '../../../test/helpers/made-client.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { routes } from '../routes/index.ts'
import { rates } from './rates.ts'

const hour = 3_600_000

test('every call that opens contents, orders a restore or hands out a password may be made so often only', () => {
  const opening =
    /preview|comparison|download|\/restore$|\/replace$|handover|read-access|\/kit$|\/script$|restic-access/
  const found = routes.filter(({ method, path }) => method === 'POST' && opening.test(path))
  assert.ok(found.length >= 10)
  for (const { path, rate } of found) assert.ok(rate, path)
  for (const { path, access, rate } of routes)
    if (access.by === 'person' && access.right === 'read') assert.ok(rate, path)
})

test('who has a stolen token reaches an end within the hour; it is written down once, and others go on', async () => {
  await using server = await TestServer.open()
  const { machine } = await makeClient(server, 'bakery')
  const [thief, owner] = [
    await server.person({ [everyClient]: 'owner' }),
    await server.person({ [everyClient]: 'owner' }),
  ]
  const download = async (headers: Readonly<Record<string, string>>) => {
    const url = `/api/machines/${machine}/snapshots/${'a'.repeat(64)}/download`
    const body = { path: '/etc/passwd', reason: 'because' }
    const { status, json } = await server.call('POST', url, { headers, body })
    return [status, (json as { code: string }).code]
  }
  const headers = await server.tokenOf(thief)
  const first = await download(headers)
  assert.notEqual(first[1], 'INPUT_INVALID')
  assert.notEqual(first[1], 'RATE_EXCEEDED')
  for (let i = 1; i < rates.download; i++) assert.deepEqual(await download(headers), first)
  // Another token of the same person is the same person.
  for (const again of [headers, await server.tokenOf(thief), headers]) {
    assert.deepEqual(await download(again), [429, 'RATE_EXCEEDED'])
  }
  assert.deepEqual(await download(await server.tokenOf(owner)), first)
  const entries = await Array.fromAsync(server.services.audit.entries())
  const noted = entries.filter(({ what }) => what === 'rate.exceeded')
  assert.deepEqual(
    noted.map(({ details }) => details),
    [JSON.stringify({ rate: 'download' })],
  )
  assert.match(noted[0]?.who ?? '', new RegExp(thief))
  server.clock.pass(hour)
  assert.deepEqual(await download(headers), first)
})
