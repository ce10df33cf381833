import assert from 'node:assert/strict'
import { readdirSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Ledger } from '../../src/server/records/ledger.ts'
import { openStore } from '../../src/server/store/store.ts'
import { HttpCalls } from '../helpers/http-calls.ts'
import { freePort } from '../helpers/rest-server.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'
import { callApi, ownerToken, serve, setUpOwner } from '../helpers/serving.ts'
import type { Serving } from '../helpers/serving.ts'
import { makeBackup } from '../helpers/simulated-backup.ts'
import { SimulatedMachine } from '../helpers/simulated-machine.ts'
import { noSmallDisk, smallDisk } from '../helpers/small-disk.ts'
import { tempFolder } from '../helpers/temp.ts'

/** The server in trouble while machines work with it: A6, A10 and J2 of the failure cases. */

const random = randomFrom(testSeed())

interface Fleet {
  readonly token: string
  readonly machines: readonly SimulatedMachine[]
}

async function enrolFleet(serving: Serving, calls: HttpCalls, count: number): Promise<Fleet> {
  await setUpOwner(serving)
  const token = await ownerToken(serving)
  const authorization = `Bearer ${token}`
  const { id } = (await calls.ask('POST', '/api/clients', { authorization }, { name: 'Bakery' })) as { id: string }
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

/** Backs up again and again until a call fails; what was acknowledged until then. */
async function backUpUntilItFails(machine: SimulatedMachine): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = []
  try {
    for (;;) {
      const backup = makeBackup(200_000)
      const operationId = await machine.backUp(backup)
      acknowledged.push({ repositoryId: machine.repositoryId, snapshotId: backup.snapshot.name, operationId })
    }
  } catch {
    return acknowledged
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
  assert.ok(acknowledged.length > 0)
  await using store = await openStore(`${data}/control.db`)
  const ledger = new Ledger(store.db)
  for (const { repositoryId } of machines) assert.equal((await ledger.verify(repositoryId)).fault, undefined)
  for (const { repositoryId, snapshotId, operationId } of acknowledged) {
    const entries = store.db.selectFrom('ledger').select('what').where('repositoryId', '=', repositoryId)
    assert.deepEqual(
      (await entries.where('snapshotId', '=', snapshotId).orderBy('seq').execute()).map(({ what }) => what),
      ['received', 'signed'],
    )
    assert.ok(readdirSync(`${data}/repositories/${repositoryId}/snapshots`).includes(snapshotId))
    const operation = store.db.selectFrom('operations').select('state').where('id', '=', operationId)
    assert.equal((await operation.executeTakeFirst())?.state, 'done')
  }
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

    let clients = 0
    const isRefused = async () => {
      // What SQLite writes first has some room of its own: a few calls are kept until that is used up.
      let answer = { status: 200, json: {} as unknown }
      for (let i = 0; i < 500 && answer.status === 200; i++) {
        answer = await callApi(serving.origin, '/api/clients', { token, body: { name: `Mill ${++clients}` } })
      }
      assert.deepEqual([answer.status, (answer.json as { code: string }).code], [503, 'DATABASE_FAILED'])
      await assert.rejects(machine.backUp(makeBackup(1_000)), /503/)
    }
    const filler = `${disk.path}/filler`
    const { bavail, bsize } = statfsSync(disk.path)
    writeFileSync(filler, Buffer.alloc(bavail * bsize))
    await isRefused()
    unlinkSync(filler)
    await machine.backUp(makeBackup(1_000))
    assert.equal((await callApi(serving.origin, '/api/health/ready')).status, 200)
  },
)
