import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import type { LookReport } from '#protocol'
import { exampleDiscovery, exampleFinding } from '../../../test/helpers/example-discovery.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestMachine } from '../../../test/helpers/test-machine.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { firstMachineLine } from '../fleet/first-machine.ts'

const letters = exampleFinding({ id: 'documents:/home/ann/letters', kind: 'documents' })
const heap = exampleFinding({
  id: 'folder:/heap',
  kind: 'folder',
  confidence: 'likely',
  size: { bytes: 5 * 2 ** 30, files: 9, isAtLeast: false },
})

function reportOf(follows: Readonly<Record<string, number>> = {}): LookReport {
  const { machine } = exampleDiscovery()
  const isCovered = Object.keys(follows).length > 0
  return {
    discovery: exampleDiscovery({
      machine: { ...machine, usualFolders: ['/etc', '/home'] },
      findings: [letters, heap],
    }),
    coverage: [
      { of: letters.id, state: isCovered ? 'covered' : 'not', policies: [], reasons: [] },
      { of: heap.id, state: 'not', policies: [], reasons: ['no policy reaches it'] },
    ],
    proposal: {
      name: 'Everything on office',
      include: [{ path: '/', reason: 'all' }],
      excludes: [{ pattern: '/proc', reason: 'kernel' }],
      databases: [],
      schedule: { cron: '7 2 * * *', timeZone: 'UTC', reason: 'r' },
      open: [],
    },
    uncovered: { findings: [heap.id], size: { bytes: 0, files: 0, isAtLeast: false }, sentence: 's' },
    follows,
  }
}

/** A server with the machine that it runs on, enrolled. */
async function open(kind = storeKinds[0], folders: readonly string[] = []) {
  const server = await TestServer.open(kind)
  const line = (await firstMachineLine(server.services, folders)) as string
  const machine = await enrol(server, line)
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
  const ask = async <Answer>(method: string, url: string, body?: object) =>
    (await server.call(method, url, { headers, ...(body && { body }) })).json as Answer
  return { server, machine, ask, [Symbol.asyncDispose]: async () => await server[Symbol.asyncDispose]() }
}

async function enrol(server: TestServer, line: string): Promise<TestMachine> {
  const machine = new TestMachine()
  const secret = line.slice(line.indexOf('#') + 1)
  const { json } = await server.call('POST', '/api/enrol', { body: machine.enrolment(secret) })
  machine.id = (json as { machineId: string }).machineId
  return machine
}

async function post<Answer>(server: TestServer, machine: TestMachine, url: string, body: object): Promise<Answer> {
  const text = JSON.stringify(body)
  const { authorization } = machine.header('POST', url, server.clock.now(), text)
  const { status, json } = await server.call('POST', url, { headers: { authorization }, body })
  assert.equal(status, 200, JSON.stringify(json))
  return json as Answer
}

interface Policy {
  readonly id: string
  readonly revision: number
  readonly policy: { readonly name: string; readonly what: { readonly include: string[] } }
}

for (const kind of storeKinds) {
  test(
    `${kind.name}: the first look of the server’s own machine brings its policy and its first backup, once`,
    { skip: kind.skip },
    async () => {
      await using scene = await open(kind)
      const { server, machine, ask } = scene
      const look = async (report: LookReport) =>
        (await post<{ said: string[] }>(server, machine, '/api/machine/look', report)).said
      const reports = [look(reportOf()), look(reportOf())]
      assert.deepEqual(await Promise.all(reports), [[], []], 'how far the new policy reaches is not known yet')
      const policies = await ask<Policy[]>('GET', `/api/machines/${machine.id}/policies`)
      assert.deepEqual(
        policies.map(({ policy }) => policy.what.include),
        [['/etc', '/home']],
      )
      const operations = await ask<{ kind: string; state: string }[]>('GET', '/api/operations')
      assert.deepEqual(
        operations.map(({ kind: what, state }) => [what, state]),
        [['backup', 'waiting']],
      )
      const [policy] = policies
      const said = await look(reportOf({ [policy?.id ?? '']: 1 }))
      assert.match(
        said.join('\n'),
        /backs up \/etc, \/home \(at least 1000 B in 10 files were counted\); every day at 02:07[^]*\/heap: nobody has said that it is data/,
      )

      const taken = await ask<Policy>('POST', `/api/machines/${machine.id}/proposal`, {})
      assert.deepEqual(taken.policy.what.include, ['/'])
      const now = await ask<Policy[]>('GET', `/api/machines/${machine.id}/policies`)
      assert.deepEqual(
        now.map(({ id }) => id),
        [taken.id],
      )
      const found = await ask<{ protection: string[] | null }>('GET', `/api/machines/${machine.id}/discovery`)
      assert.equal(found.protection, null, 'what the agent said was about another policy')
    },
  )
}

test('folders that a person named at the first start are backed up at once, and nothing else', async () => {
  await using scene = await open(undefined, ['/srv/bakery'])
  const { server, machine, ask } = scene
  const include = async () =>
    (await ask<Policy[]>('GET', `/api/machines/${machine.id}/policies`)).map(({ policy }) => policy.what.include)
  assert.deepEqual(await include(), [['/srv/bakery']])
  await post(server, machine, '/api/machine/look', reportOf())
  assert.deepEqual(await include(), [['/srv/bakery']])
})

test('another machine’s look brings no policy, and one that says nonsense is refused', async () => {
  await using scene = await open()
  const { server, ask } = scene
  const [client] = await ask<{ id: string }[]>('GET', '/api/clients')
  const { line } = await ask<{ line: string }>('POST', `/api/clients/${client?.id}/enrolment-lines`, {})
  const other = await enrol(server, line)
  await ask('POST', `/api/machines/${other.id}/approve`)
  await post(server, other, '/api/machine/look', reportOf())
  assert.deepEqual(await ask('GET', `/api/machines/${other.id}/policies`), [])
  const body = { ...reportOf(), coverage: 'all' }
  const { authorization } = other.header('POST', '/api/machine/look', server.clock.now(), JSON.stringify(body))
  const refused = await server.call('POST', '/api/machine/look', { headers: { authorization }, body })
  assert.deepEqual([refused.status, (refused.json as { code: string }).code], [400, 'INPUT_INVALID'])
})

test('how long a first copy takes is told from what was found, and is not known where nobody measured the line', async () => {
  await using scene = await open()
  const { server, machine, ask } = scene
  await post(server, machine, '/api/machine/look', reportOf())
  const [policy] = await ask<Policy[]>('GET', `/api/machines/${machine.id}/policies`)
  const url = `/api/machines/${machine.id}/first-copy?policy=${policy?.id}`
  type Told = { size: { bytes: number }; lineRate: number | null; line: object | null; faster: string | null }
  const unmeasured = await ask<Told>('GET', url)
  assert.deepEqual([unmeasured.size.bytes, unmeasured.lineRate, unmeasured.line], [1000, null, null])
  const told = await ask<Told>('GET', `${url}&lineRate=1&diskWriteRate=1e6&diskReadRate=1e6&travelHours=0.1`)
  assert.deepEqual([told.lineRate, told.faster], [1, 'disk'])
})

test('evidence that is told twice is one, and a clock that is ahead brings none from the future', async () => {
  await using scene = await open()
  const { server, machine, ask } = scene
  const ahead = new Date(server.clock.now() + 3_600_000).toISOString()
  const dump = (outcome: string, measuredAt: string) => ({
    id: randomUUID(),
    kind: 'dump',
    measuredAt,
    subject: 'databases/postgresql/main/shop.sql',
    measured: { outcome, bytes: 7 },
  })
  const evidence = [dump('good', new Date(server.clock.now() - 1000).toISOString()), dump('failed', ahead)]
  for (let i = 0; i < 2; i++) await post(server, machine, '/api/machine/evidence', { evidence })
  const rows = await server.services.store.db.selectFrom('evidence').selectAll().execute()
  assert.equal(rows.length, 2)
  assert.ok(rows.every(({ measuredAt }) => measuredAt <= server.clock.now()))
  type Known = { dump: { measured: { outcome: string } }; lastGood: { measured: { outcome: string } } }
  const [shop] = await ask<Known[]>('GET', `/api/machines/${machine.id}/databases`)
  assert.deepEqual([shop?.dump.measured.outcome, shop?.lastGood.measured.outcome], ['failed', 'good'])
})

test('a device’s secrets lie sealed, and go to the machine that reads it and to nobody else', async () => {
  await using scene = await open()
  const { server, machine, ask } = scene
  const [client] = await ask<{ id: string }[]>('GET', '/api/clients')
  const access = { kind: 'smb', host: 'nas', user: 'backup', password: 'canary-of-the-nas' }
  const made = await ask<{ id: string }>('POST', `/api/clients/${client?.id}/devices`, {
    name: 'nas',
    readBy: machine.id,
    access,
  })
  const shown = await ask<object>('GET', `/api/machines/${made.id}/device`)
  assert.deepEqual(shown, {
    machineId: made.id,
    readBy: machine.id,
    kind: 'smb',
    host: 'nas',
    port: null,
    user: 'backup',
  })
  const { db } = server.services.store
  const dump = JSON.stringify([
    await db.selectFrom('devices').selectAll().execute(),
    await db.selectFrom('audit').selectAll().execute(),
    await db.selectFrom('operations').selectAll().execute(),
  ])
  assert.ok(!dump.includes('canary'))
  const about = { hostname: 'm', platform: 'linux', release: '6', agentVersion: '0' }
  const hello = { about, clock: 0, follows: {} }
  type Welcome = { devices?: { id: string; name: string; revision: number; access: object }[] }
  const { devices } = await post<Welcome>(server, machine, '/api/machine/hello', hello)
  assert.deepEqual(devices?.[0]?.access, access)
  const reads = { [made.id]: { name: 'nas', revision: 1, follows: {} } }
  assert.equal((await post<Welcome>(server, machine, '/api/machine/hello', { ...hello, reads })).devices, undefined)

  const { line } = await ask<{ line: string }>('POST', `/api/clients/${client?.id}/enrolment-lines`, {})
  const other = await enrol(server, line)
  await ask('POST', `/api/machines/${other.id}/approve`)
  assert.equal((await post<Welcome>(server, other, '/api/machine/hello', hello)).devices, undefined)
})

test('a device has been seen when it was read well, and by the machine that reads it', async () => {
  await using scene = await open()
  const { server, machine, ask } = scene
  const [client] = await ask<{ id: string }[]>('GET', '/api/clients')
  const access = { kind: 'smb', host: 'nas', user: 'backup', password: 'secret' }
  const about = { name: 'nas', readBy: machine.id, access }
  const { id: deviceId } = await ask<{ id: string }>('POST', `/api/clients/${client?.id}/devices`, about)
  const seen = async () => (await ask<{ lastSeenAt: string | null }>('GET', `/api/machines/${deviceId}`)).lastSeenAt
  const moment = (at: number) => new Date(at).toISOString()
  const began = server.clock.now()
  let runs = 0
  const begin = async (kind: string, outcome?: object, startedAt = began) =>
    await post<{ epoch: number; operation: { id: string } }>(server, machine, '/api/machine/operations', {
      kind,
      onceKey: `run ${++runs}`,
      order: { deviceId, policyId: randomUUID() },
      startedAt: moment(startedAt),
      ...(outcome && { outcome }),
    })
  const failed = { state: 'failed', reason: 'it was away', code: 'DEVICE_AWAY' }
  await begin('backup-device', failed)
  await begin('backup', { state: 'done' })
  assert.equal(await seen(), null)

  const { epoch, operation } = await begin('backup-device')
  server.clock.pass(3_600_000)
  await post(server, machine, `/api/machine/operations/${operation.id}/finish`, { epoch, outcome: { state: 'done' } })
  assert.equal(await seen(), moment(began + 3_600_000))
  // Told days later, it was seen when it was read; and not before it was seen last.
  await begin('backup-device', { state: 'warnings', reason: 'one file' }, began + 1_000)
  assert.equal(await seen(), moment(began + 3_600_000))
  server.clock.pass(86_400_000)
  await begin('backup-device', { state: 'done' }, began + 7_200_000)
  assert.equal(await seen(), moment(began + 7_200_000))
  await begin('backup-device', { state: 'done' }, began + 999 * 86_400_000)
  assert.equal(await seen(), moment(server.clock.now()))

  const { line } = await ask<{ line: string }>('POST', `/api/clients/${client?.id}/enrolment-lines`, {})
  const other = await enrol(server, line)
  await ask('POST', `/api/machines/${other.id}/approve`)
  server.clock.pass(60_000)
  const lie = { kind: 'backup-device', onceKey: 'x', order: { deviceId }, startedAt: moment(server.clock.now()) }
  await post(server, other, '/api/machine/operations', { ...lie, outcome: { state: 'done' } })
  assert.equal(await seen(), moment(server.clock.now() - 60_000))
})
