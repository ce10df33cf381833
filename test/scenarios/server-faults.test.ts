import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { AuditLog } from '../../src/server/records/audit.ts'
import { Ledger } from '../../src/server/records/ledger.ts'
import { openStore } from '../../src/server/store/store.ts'
import type { Store } from '../../src/server/store/store.ts'
import { Business, snapshotOf } from '../helpers/business-of-one.ts'
import type { Operation } from '../helpers/business-of-one.ts'
import { HttpCalls } from '../helpers/http-calls.ts'
import { missingPostgres, startPostgres } from '../helpers/postgres.ts'
import { freePort } from '../helpers/rest-server.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'
import { callApi, ownerToken, serve, setUpOwner } from '../helpers/serving.ts'
import type { Serving } from '../helpers/serving.ts'
import { makeBackup } from '../helpers/simulated-backup.ts'
import { SimulatedMachine } from '../helpers/simulated-machine.ts'
import { noSmallDisk, smallDisk } from '../helpers/small-disk.ts'
import { tempFolder } from '../helpers/temp.ts'

/** The server in trouble while machines work with it: A6, A8 and A10 of the failure cases. */

const random = randomFrom(testSeed())

interface Fleet {
  readonly token: string
  readonly machines: readonly SimulatedMachine[]
}

async function enrolFleet(serving: Serving, calls: HttpCalls, count: number): Promise<Fleet> {
  await setUpOwner(serving)
  const token = await ownerToken(serving)
  const authorization = `Bearer ${token}`
  const { id } = (await calls.ask('POST', '/api/clients', { authorization }, { name: 'Butcher' })) as { id: string }
  const line = await calls.ask('POST', `/api/clients/${id}/enrolment-lines`, { authorization }, { machines: count })
  const secret = (line as { line: string }).line.split('#')[1] ?? ''
  const machines = Array.from({ length: count }, () => new SimulatedMachine(calls))
  for (const machine of machines) await machine.enrol(secret, token)
  return { token, machines }
}

interface Acknowledged {
  readonly repositoryId: string
  readonly snapshotId: string
  readonly operationId: string
}

async function backUpOnce(machine: SimulatedMachine): Promise<Acknowledged> {
  const backup = makeBackup(200_000)
  const operationId = await machine.backUp(backup)
  return { repositoryId: machine.repositoryId, snapshotId: backup.snapshot.name, operationId }
}

/** Backs up again and again until a call fails; what was acknowledged until then. */
async function backUpUntilItFails(machine: SimulatedMachine): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = []
  try {
    for (;;) acknowledged.push(await backUpOnce(machine))
  } catch {
    return acknowledged
  }
}

/** Calls that write are refused, with a code: the disk of the database is full. */
async function databaseRefuses({ origin }: Serving, token: string): Promise<void> {
  // What SQLite writes first has some room of its own: a few calls are kept until that is used up.
  let answer = { status: 200, json: {} as unknown }
  for (let i = 0; i < 500 && answer.status === 200; i++) {
    answer = await callApi(origin, '/api/clients', { token, body: { name: `Mill ${i}` } })
  }
  assert.deepEqual([answer.status, (answer.json as { code: string }).code], [503, 'DATABASE_FAILED'])
}

/** All that was acknowledged is there, once, and the records of it are whole. */
async function assertKept(
  store: Store,
  repositories: string,
  { machines, acknowledged }: Pick<Fleet, 'machines'> & { readonly acknowledged: readonly Acknowledged[] },
): Promise<void> {
  assert.equal((await new AuditLog(store.db).verify()).fault, undefined)
  const ledger = new Ledger(store.db)
  for (const { repositoryId } of machines) assert.equal((await ledger.verify(repositoryId)).fault, undefined)
  for (const { repositoryId, snapshotId, operationId } of acknowledged) {
    const entries = store.db.selectFrom('ledger').select('what').where('repositoryId', '=', repositoryId)
    assert.deepEqual(
      (await entries.where('snapshotId', '=', snapshotId).orderBy('seq').execute()).map(({ what }) => what),
      ['received', 'signed'],
    )
    assert.ok(readdirSync(`${repositories}/${repositoryId}/snapshots`).includes(snapshotId))
    const operation = store.db.selectFrom('operations').select('state').where('id', '=', operationId)
    assert.equal((await operation.executeTakeFirst())?.state, 'done')
  }
}

test('a server that is killed again and again under load has kept all that it said it had, once, and its records are whole', async () => {
  await using folder = await tempFolder()
  const data = folder.join('data')
  const port = await freePort()
  using calls = new HttpCalls(`http://127.0.0.1:${port}`)
  let serving = await serve(data, port)
  const { token, machines } = await enrolFleet(serving, calls, 3)
  const acknowledged: Acknowledged[] = []
  for (let round = 0; round < 4; round++) {
    // On a slow machine, too, something is acknowledged in each round.
    acknowledged.push(await backUpOnce(machines[0] as SimulatedMachine))
    const work = Promise.all(machines.map(backUpUntilItFails))
    await sleep(300 + random.below(900))
    serving.command.kill('SIGKILL')
    await serving.command.result
    acknowledged.push(...(await work).flat())
    serving = await serve(data, port)
  }
  const { json } = await callApi(serving.origin, '/api/audit/verification', { token })
  assert.equal((json as { fault: unknown }).fault, null)
  for (const machine of machines) await machine.sayHello()
  await serving[Symbol.asyncDispose]()
  await using store = await openStore(`${data}/control.db`)
  await assertKept(store, `${data}/repositories`, { machines, acknowledged })
  const keys = await store.db.selectFrom('operations').select('onceKey').where('onceKey', 'is not', null).execute()
  assert.equal(new Set(keys.map(({ onceKey }) => onceKey)).size, keys.length)
  assert.deepEqual(readdirSync(`${data}/repositories/.incoming`), [])
})

test(
  'a control database whose disk is full refuses loudly what it cannot keep, and goes on by itself afterwards',
  { skip: noSmallDisk },
  async () => {
    await using disk = await smallDisk(8 << 20)
    await using folder = await tempFolder()
    const port = await freePort()
    using calls = new HttpCalls(`http://127.0.0.1:${port}`)
    await using serving = await serve(folder.join('data'), port, '--database', `${disk.path}/control.db`)
    const { token, machines } = await enrolFleet(serving, calls, 1)
    const machine = machines[0] as SimulatedMachine
    await machine.backUp(makeBackup(1_000))

    const filler = `${disk.path}/filler`
    const { bavail, bsize } = statfsSync(disk.path)
    writeFileSync(filler, Buffer.alloc(bavail * bsize))
    await databaseRefuses(serving, token)
    await assert.rejects(machine.backUp(makeBackup(1_000)), /503/)
    unlinkSync(filler)
    await machine.backUp(makeBackup(1_000))
    assert.equal((await callApi(serving.origin, '/api/health/ready')).status, 200)
  },
)

test(
  'a server whose PostgreSQL is taken away under load says so with a code, keeps what it said it had, and goes on by itself when it is back',
  { skip: missingPostgres() },
  async () => {
    await using postgres = await startPostgres()
    const database = await postgres.createDatabase('understudy')
    await using business = await Business.open('--database', database)
    const { folder, serving, token } = business
    using calls = new HttpCalls(serving.origin)
    const { machines } = await enrolFleet(serving, calls, 2)
    mkdirSync(folder.join('files'))
    writeFileSync(folder.join('files', 'large'), random.bytes(20 << 20))
    const policy = await business.policy(folder.join('files'))
    business.startAgent()
    await business.until('it has its repository', async () => business.agentSaid.includes('has its repository'))

    const { id } = await business.ask<Operation>(`/api/machines/${business.machine}/backup`, { policy })
    const work = Promise.all(machines.map(backUpUntilItFails))
    const isRunning = async () => (await business.ask<Operation>(`/api/operations/${id}`)).state !== 'waiting'
    await business.until('the backup runs', isRunning)
    await postgres.kill()
    const acknowledged = (await work).flat()
    for (const path of ['/api/clients', '/api/machines']) {
      const { status, json } = await callApi(serving.origin, path, { token })
      const { code, hint } = json as { readonly code: string; readonly hint: string }
      assert.deepEqual([status, code], [503, 'DATABASE_FAILED'])
      assert.match(hint, /goes on by itself/)
    }
    assert.equal((await callApi(serving.origin, '/api/health/ready')).status, 503)
    assert.equal((await callApi(serving.origin, '/api/health/live')).status, 200)

    await postgres.start()
    for (const machine of machines) await machine.backUp(makeBackup(1_000))
    const snapshotId = snapshotOf(await business.ended(id))
    await business.stopAgent()
    await serving[Symbol.asyncDispose]()
    await using store = await openStore(database)
    await assertKept(store, folder.join('server', 'repositories'), { machines, acknowledged })
    const backups = store.db.selectFrom('operations').select('state').where('machineId', '=', business.machine)
    assert.deepEqual(await backups.where('kind', '=', 'backup').execute(), [{ state: 'done' }], 'it ran once')
    const signed = store.db.selectFrom('ledger').select('what').where('snapshotId', '=', snapshotId).orderBy('seq')
    assert.deepEqual(
      (await signed.execute()).map(({ what }) => what),
      ['received', 'signed'],
      'no report of the machine is lost',
    )
  },
)

test(
  'a server whose disk is full, database and repositories alike, refuses under load, keeps what it said it had, and goes on by itself',
  { skip: noSmallDisk },
  async () => {
    await using disk = await smallDisk(1 << 30)
    const port = await freePort()
    using calls = new HttpCalls(`http://127.0.0.1:${port}`)
    const data = `${disk.path}/server`
    const serving = await serve(data, port)
    await using _ = serving
    const { token, machines } = await enrolFleet(serving, calls, 3)
    const acknowledged: Acknowledged[] = []
    for (const machine of machines) acknowledged.push(await backUpOnce(machine))
    const work = Promise.all(machines.map(backUpUntilItFails))
    const { blocks, bfree, bsize } = statfsSync(disk.path)
    disk.resize((blocks - bfree) * bsize + (2 << 20))
    acknowledged.push(...(await work).flat())
    await databaseRefuses(serving, token)
    for (const machine of machines) await assert.rejects(machine.backUp(makeBackup(1_000_000)), /: (503|507) /)
    assert.equal((await callApi(serving.origin, '/api/health/live')).status, 200)
    assert.equal((await callApi(serving.origin, '/api/machines', { token })).status, 200, 'what is there is still read')

    disk.resize(1 << 30)
    for (const machine of machines) acknowledged.push(await backUpOnce(machine))
    assert.equal((await callApi(serving.origin, '/api/health/ready')).status, 200)
    await serving[Symbol.asyncDispose]()
    await using store = await openStore(`${data}/control.db`)
    await assertKept(store, `${data}/repositories`, { machines, acknowledged })
    assert.deepEqual(readdirSync(`${data}/repositories/.incoming`), [])
  },
)
