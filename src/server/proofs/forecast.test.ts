import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { addMachine, keepRepository } from '../../../test/helpers/own-repository.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'

interface Shown {
  readonly known: boolean
  readonly likely: number | null
  readonly reasons: readonly string[]
  readonly basedOn: readonly string[]
  readonly bytes: number | null
  readonly files: number | null
  readonly fit: { readonly answer: string } | null
}

const mib = 1024 ** 2

test('a forecast is made of what was measured on this way, or is not known; a sample gives a rate, never a restore time', async () => {
  await using server = await TestServer.open()
  const { operations } = server.services
  const { clientId, machine, snapshotId } = await keepRepository(server, { file: Buffer.from('x') })
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'auditor' }))
  const forecast = async (query = '') => {
    const { status, json, text } = await server.call('GET', `/api/machines/${machine.id}/forecast${query}`, { headers })
    assert.equal(status, 200, text)
    return json as Shown
  }
  const report = async (kind: string, result: object, order: object = {}) => {
    const about = { clientId, machineId: machine.id, kind, order: { ...order }, requestedBy: 'schedule' }
    const { id, claimEpoch: epoch } = await operations.begin(about, 'machine')
    const target = `/api/machine/operations/${id}/finish`
    const body = { epoch, outcome: { state: 'done', result } }
    for (let times = 0; times < 2; times++) {
      const { authorization } = machine.header('POST', target, server.clock.now(), JSON.stringify(body))
      assert.equal((await server.call('POST', target, { headers: { authorization }, body })).status, 200)
    }
    server.clock.pass(1_000)
    return id
  }

  const unknown = await forecast()
  assert.deepEqual([unknown.known, unknown.bytes], [false, null])
  assert.match(unknown.reasons.join(), /is not known/)
  for (const policyId of ['one', 'two', 'one']) {
    await report('backup', { bytes: 500 * mib, files: 900, foldersNew: 100 }, { policyId })
  }
  assert.deepEqual(
    [(await forecast()).bytes, (await forecast()).files],
    [1_000 * mib, 2_000],
    'the last of each policy',
  )
  assert.match((await forecast()).reasons.join(), /was ever measured/)

  const sample = { scope: 'sample', snapshotId, files: 200, bytes: 100 * mib, seconds: 10 }
  await report('test-restore', { ...sample, line: { bytesPerSecond: 20 * mib } }, { repositoryId: undefined })
  const bySample = await forecast()
  assert.equal(bySample.likely, 100)
  assert.match(bySample.reasons.join(), /A sample gives a rate, not a restore time/)
  assert.equal(bySample.basedOn.length, 2, 'the sample and the line, each kept once')

  const whole = { scope: 'whole', snapshotId, files: 2_000, bytes: 1_000 * mib, seconds: 200 }
  const id = await report('trial', whole)
  const byTrial = await forecast('?limit=1000')
  assert.deepEqual([byTrial.known, byTrial.likely, byTrial.basedOn[0]], [true, 200, id])
  assert.equal(byTrial.fit?.answer, 'fits')
  await report('restore', { ...whole, scope: 'part', seconds: 1 })
  assert.equal((await forecast()).likely, 200, 'what a person chose is no random sample')

  const spare = await addMachine(server, clientId)
  const elsewhere = await forecast(`?to=${spare.id}`)
  assert.deepEqual([elsewhere.known, elsewhere.likely], [false, null])
  const other = await addMachine(server, 'another client')
  const { status } = await server.call('GET', `/api/machines/${machine.id}/forecast?to=${other.id}`, { headers })
  assert.equal(status, 404)
})

test('without an agent that reports, the last snapshot tells how much there is', async () => {
  await using server = await TestServer.open()
  const { machine } = await keepRepository(server, { file: Buffer.from('x') })
  const headers = await server.tokenOf(await server.person({ [everyClient]: 'auditor' }))
  const { json } = await server.call('GET', `/api/machines/${machine.id}/forecast`, { headers })
  assert.match((json as Shown).reasons.join(), /no backup that tells it/, 'this one says nothing of itself')
})
