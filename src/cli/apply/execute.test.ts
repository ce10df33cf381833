import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { TestMachine } from '../../../test/helpers/test-machine.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { parseYaml } from '../api/yaml-text.ts'
import { readDeclared } from './declared.ts'
import { Executor } from './execute.ts'
import type { Sender } from './execute.ts'
import { findOut } from './found.ts'
import { planApply } from './plan.ts'

const text = `
clients:
  - name: Bakery
    policies:
      - name: Files
        what: { include: [/srv] }
        when: { kind: daily, at: ['22:00'], timeZone: Europe/Berlin }
        keep: { daily: 7 }
        to: { repository: own }
    machines:
      - { name: machine, state: approved, policies: [Files] }
people:
  - email: anna@bakery.example
    roles: [{ role: operator, client: Bakery }]
`

/** Applies a text to a server until the step that is to fail; returns what each step did. */
async function apply(send: Sender, given: string = text): Promise<readonly string[]> {
  const declared = readDeclared(await parseYaml(given, 'a file'), { path: 'a file', now: Date.now() })
  const found = await findOut(async (path, answer) => await send({ method: 'GET', path }, answer), declared)
  const { steps, mistakes } = planApply(declared, found, { isAsked: true })
  assert.deepEqual(mistakes, [])
  const executor = new Executor(found, send)
  for (const step of steps) await executor.carryOut(step)
  return steps.map((step) => step.do)
}

async function senderTo(server: TestServer): Promise<Sender> {
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  return async ({ method, path, body }, answer) => {
    const { status, json } = await server.call(method, path, { headers, ...(body !== undefined && { body }) })
    assert.equal(status, 200, `${method} ${path}: ${JSON.stringify(json)}`)
    return answer.parse(json)
  }
}

test('applied once the server is as the file says; applied again nothing is done; what comes later is done then', async () => {
  await using server = await TestServer.open()
  const send = await senderTo(server)
  assert.deepEqual(await apply(send), ['create client', 'create policy', 'invite person'])
  assert.deepEqual(await apply(send), [], 'nobody is invited a second time, and the machine is waited for')

  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  const clients = (await server.call('GET', '/api/clients', { headers })).json as { id: string }[]
  const url = `/api/clients/${clients[0]?.id ?? ''}/enrolment-lines`
  const { line } = (await server.call('POST', url, { headers, body: {} })).json as { line: string }
  const enrolment = new TestMachine().enrolment(line.split('#')[1] as string)
  assert.equal((await server.call('POST', '/api/enrol', { body: enrolment })).status, 200)
  assert.deepEqual(await apply(send), ['approve machine', 'set policies'])
  assert.deepEqual(await apply(send), [])
  const changed = text.replace('daily: 7', 'daily: 14').replace('role: operator', 'role: auditor')
  assert.deepEqual(await apply(send, changed), ['change policy', 'invite person'])
  assert.deepEqual(await apply(send, changed), [])
  const gone = changed.replace(/ {4}policies:.*?(?= {4}machines)/s, '').replace('policies: [Files]', 'policies: []')
  assert.deepEqual(await apply(send, gone.replace('people:', '    removePolicies: [Files]\npeople:')), [
    'set policies',
    'remove policy',
  ])
})

test('cut off after any of its steps, it goes on from there', async () => {
  for (let steps = 0; steps < 3; steps++) {
    await using server = await TestServer.open()
    const send = await senderTo(server)
    let left = steps
    const cutOff: Sender = async (call, answer) => {
      if (call.method !== 'GET' && left-- === 0) throw new Error('the line is cut')
      return await send(call, answer)
    }
    await assert.rejects(apply(cutOff), /the line is cut/)
    assert.equal((await apply(send)).length, 3 - steps)
    assert.deepEqual(await apply(send), [])
  }
})
