import assert from 'node:assert/strict'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { freePort } from '../../test/helpers/rest-server.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import { TestServer } from '../../test/helpers/test-server.ts'
import { until } from '../../test/helpers/until.ts'
import { enrol } from './enrol.ts'
import { AgentFolder } from './state.ts'
import { runAgent } from './work/run-agent.ts'

interface Office extends AsyncDisposable {
  readonly server: TestServer
  readonly join: (name: string) => string
  ask<Answer>(path: string, body?: object): Promise<Answer>
  /** A line for a machine that is new. */
  line(): Promise<string>
}

async function openOffice(): Promise<Office> {
  const [server, folder, port] = [await TestServer.open(), await tempFolder(), await freePort()]
  const listening = await server.listen(port)
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  const ask = async <Answer>(path: string, body?: object) => {
    const { status, json } = await server.call(body ? 'POST' : 'GET', path, { headers, ...(body && { body }) })
    assert.equal(status, 200, `${path}: ${JSON.stringify(json)}`)
    return json as Answer
  }
  const { id } = await ask<{ id: string }>('/api/clients', { name: 'Bakery' })
  return {
    server,
    join: folder.join,
    ask,
    line: async () => at(port, (await ask<{ line: string }>(`/api/clients/${id}/enrolment-lines`, {})).line),
    async [Symbol.asyncDispose]() {
      await listening[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

function at(port: number, line: string): string {
  return line.replace(/^.*#/, `http://127.0.0.1:${port}/#`)
}

/** The folder of an agent on a disk that was copied to other hardware. */
async function moved(folder: AgentFolder, to: string): Promise<AgentFolder> {
  cpSync(folder.path, to, { recursive: true })
  const copy = new AgentFolder(to)
  await copy.writeEnrolled({ ...(await copy.readEnrolled()), marks: { hardware: 'x', system: 'x' } })
  return copy
}

const program = { command: ['/bin/true'] as const }

test('the agent of a copied machine refuses to work, and says what to do', async () => {
  await using office = await openOffice()
  const folder = new AgentFolder(office.join('agent'))
  await enrol(folder, await office.line(), { version: '0' })
  const copy = await moved(folder, office.join('copy'))
  await assert.rejects(runAgent({ folder: copy, program, version: '0' }), { code: 'MACHINE_DIFFERS' })
  await assert.rejects(enrol(copy, await office.line(), { version: '0' }), { code: 'AGENT_ALREADY_ENROLLED' })
  assert.equal((await office.ask<unknown[]>('/api/machines')).length, 1)
})

test('a copy that is enrolled anew is a machine of its own, with a key of its own; what it was is kept beside', async () => {
  await using office = await openOffice()
  const folder = new AgentFolder(office.join('agent'))
  const original = await enrol(folder, await office.line(), { version: '0' })
  writeFileSync(office.join('agent/allowed-restores'), '/srv\n')
  const copy = await moved(folder, office.join('copy'))
  const refused = `${(await office.line()).split('#')[0]}#${'x'.repeat(32)}`
  await assert.rejects(enrol(copy, refused, { version: '0', anew: true }), { code: 'SERVER_REFUSED' })
  assert.equal((await copy.readEnrolled()).machineId, original.machineId, 'a line that is none changes nothing')

  const anew = await enrol(copy, await office.line(), { version: '0', anew: true })
  assert.notEqual(anew.machineId, original.machineId)
  assert.notEqual((await copy.key()).publicKey, (await folder.key()).publicKey)
  assert.equal(await copy.hasRepositoryPassword(), false)
  assert.equal(readFileSync(office.join('copy/allowed-restores'), 'utf8'), '/srv\n', 'what is the machine’s own stays')
  assert.ok(anew.before?.startsWith(office.join('copy/before-')))
  assert.equal((await new AgentFolder(anew.before ?? '').readEnrolled()).machineId, original.machineId)
  assert.deepEqual(
    readdirSync(copy.path).filter((name) => name === 'anew'),
    [],
  )
  assert.equal((await office.ask<unknown[]>('/api/machines')).length, 2)
})

test('a line that was used when the machine was cut off can be given again, and makes the same machine', async () => {
  await using office = await openOffice()
  const folder = new AgentFolder(office.join('agent'))
  await enrol(folder, await office.line(), { version: '0' })
  const copy = await moved(folder, office.join('copy'))
  const line = await office.line()
  // As it is when the power goes after the server has answered.
  await enrol(new AgentFolder(office.join('copy/anew')), line, { version: '0' })
  await enrol(copy, line, { version: '0', anew: true })
  assert.equal((await office.ask<unknown[]>('/api/machines')).length, 2)
})

test('a machine with other hardware goes on by a replacing line: same id, same password, and what it had not said is said', async () => {
  await using office = await openOffice()
  const folder = new AgentFolder(office.join('agent'))
  const { machineId } = await enrol(folder, await office.line(), { version: '0' })
  await office.ask(`/api/machines/${machineId}/approve`, {})
  const password = await folder.repositoryPassword()
  await folder.writePending([{ path: '/api/machine/evidence', body: { evidence: [] } }])
  const { line } = await office.ask<{ line: string }>(`/api/machines/${machineId}/replace`, {})
  const port = Number(new URL((await folder.readEnrolled()).origin).port)
  const anew = await moved(folder, office.join('moved'))
  const enrolled = await enrol(anew, at(port, line), { version: '0', anew: true })
  assert.equal(enrolled.machineId, machineId)
  assert.equal(await anew.repositoryPassword(), password)
  assert.equal((await anew.readPending()).length, 1)
  await office.ask(`/api/machines/${machineId}/approve`, {})
  const [ending, said]: [AbortController, string[]] = [new AbortController(), []]
  const onEvent = (sentence: string) => void said.push(sentence)
  const running = runAgent({ folder: anew, program, version: '0', rhythm: 20, signal: ending.signal, onEvent })
  await until(async () => (await anew.readPending()).length === 0)
  await until(() => said.includes('has its repository'))
  ending.abort()
  await running
})

test('two agents on copies that nothing tells apart are told that there are two, and one of them gets the jobs', async () => {
  await using office = await openOffice()
  const { server } = office
  const folder = new AgentFolder(office.join('agent'))
  const { machineId } = await enrol(folder, await office.line(), { version: '0' })
  await office.ask(`/api/machines/${machineId}/approve`, {})
  cpSync(folder.path, office.join('copy'), { recursive: true })
  const ending = new AbortController()
  const said: readonly [string[], string[]] = [[], []]
  const running = [folder, new AgentFolder(office.join('copy'))].map(async (one, index) => {
    const onEvent = (sentence: string) => void said[index]?.push(sentence)
    await runAgent({ folder: one, program, version: '0', rhythm: 20, signal: ending.signal, onEvent })
  })
  for (const run of running) run.catch(() => undefined)
  await until(async () => {
    server.clock.pass(20_000)
    return said.every((heard) => heard.some((sentence) => sentence.includes('another agent works with the key')))
  })
  const { usedByTwo } = await office.ask<{ usedByTwo: object | null }>(`/api/machines/${machineId}`)
  assert.notEqual(usedByTwo, null)
  ending.abort()
  await Promise.allSettled(running)
})
