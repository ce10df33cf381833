import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { everyClient, protocolHeader } from '#protocol'
import { TestMachine } from '../../../test/helpers/test-machine.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'

type About = Readonly<Record<string, unknown>>

/** An approved machine of a server of version 2.3.4 that speaks 3 to 5, and how it is shown. */
async function scene() {
  const server = await TestServer.open(undefined, { version: '2.3.4', protocols: { oldest: 3, newest: 5 } })
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  const ask = async (method: string, path: string, body?: object) => {
    const { status, json } = await server.call(method, path, { headers, ...(body && { body }) })
    assert.equal(status, 200, JSON.stringify(json))
    return json as Readonly<Record<string, string>>
  }
  const { id: client } = await ask('POST', '/api/clients', { name: 'Bakery' })
  const { line = '' } = await ask('POST', `/api/clients/${client}/enrolment-lines`, {})
  const machine = new TestMachine()
  const enrolment = { body: machine.enrolment(line.split('#')[1] as string) }
  const enrol = async (protocol?: string) => {
    const { json } = await server.call('POST', '/api/enrol', {
      ...enrolment,
      ...(protocol !== undefined && { headers: { [protocolHeader]: protocol } }),
    })
    return json as Readonly<Record<string, string>>
  }
  assert.equal((await enrol('2'))['code'], 'AGENT_TOO_OLD')
  machine.id = (await enrol('3'))['machineId'] as string
  await ask('POST', `/api/machines/${machine.id}/approve`)
  const hello = async (spoken: Readonly<Record<string, string>>, about: About = {}) => {
    const body = {
      about: { hostname: 'm', platform: 'linux', release: '6', agentVersion: '2.3.4', ...about },
      clock: 0,
      follows: {},
    }
    const path = '/api/machine/hello'
    const { authorization } = machine.header('POST', path, server.clock.now(), JSON.stringify(body))
    return await server.call('POST', path, { body, headers: { authorization, ...spoken } })
  }
  const shown = async () =>
    (await ask('GET', `/api/machines/${machine.id}`)) as { update: unknown; lastSeenAt: unknown; about: unknown }
  return { server, hello, shown }
}

test('an agent that is too old or too new is refused in one sentence, and who looks at its machine sees which is to be updated', async () => {
  const { server, hello, shown } = await scene()
  await using _ = server
  const agent = { 'user-agent': 'understudy/1.0.7' }
  const { lastSeenAt } = await shown()
  server.clock.pass(3_600_000)
  for (const [spoken, code, update] of [
    ['1', 'AGENT_TOO_OLD', 'needed'],
    ['7', 'AGENT_TOO_NEW', 'server'],
    ['2', 'AGENT_TOO_OLD', 'needed'],
    ['6', 'AGENT_TOO_NEW', 'server'],
  ] as const) {
    const { status, json } = await hello({ ...agent, [protocolHeader]: spoken })
    assert.deepEqual([status, (json as { code: string }).code], [426, code], spoken)
    assert.match((json as { message: string }).message, /\(1\.0\.7\).* version \d .* 3 to 5/)
    const { about, ...rest } = await shown()
    assert.deepEqual([rest.update, rest.lastSeenAt, (about as About)['agentVersion']], [update, lastSeenAt, '1.0.7'])
  }
  const silent = await hello({})
  assert.equal((silent.json as { code: string }).code, 'AGENT_TOO_OLD')
})

test('an older or newer agent of a protocol that is understood works, and an update of the one or the other is shown as due', async () => {
  const { server, hello, shown } = await scene()
  await using _ = server
  for (const [spoken, agentVersion, update] of [
    ['5', '2.3.4', null],
    ['3', '2.3.3', 'due'],
    ['3', '1.99.99', 'due'],
    ['5', '2.3.10', 'server'],
    ['4', 'unknown', null],
  ] as const) {
    assert.equal((await hello({ [protocolHeader]: spoken }, { agentVersion })).status, 200)
    assert.equal((await shown()).update, update, agentVersion)
  }
  const notUnderstood = [randomUUID()]
  assert.equal((await hello({ [protocolHeader]: '5' }, { notUnderstood })).status, 200)
  const { update, about } = await shown()
  assert.deepEqual([update, (about as About)['notUnderstood']], ['needed', notUnderstood])
  assert.equal((await hello({ [protocolHeader]: '5' })).status, 200)
  assert.equal((await shown()).update, null)
})

test('a version that is none is refused, and people and their programs need none', async () => {
  const { server, hello } = await scene()
  await using _ = server
  for (const odd of ['', '-1', '1e9', '99999999', 'five', '5, 5']) {
    const { json } = await hello({ [protocolHeader]: odd })
    assert.equal((json as { code: string }).code, 'INPUT_INVALID', odd)
  }
  assert.equal((await server.call('GET', '/api/health/live')).status, 200)
})
