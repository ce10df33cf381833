import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'

const hour = 3_600_000

/** A machine named after its owner, with a good backup two hours ago and a failed one after it. */
async function withMachine({ services, clock }: TestServer): Promise<string> {
  const { store, operations } = services
  const [client, machine] = [randomUUID(), randomUUID()]
  const now = clock.now()
  await store.db
    .insertInto('clients')
    .values({ id: client, name: 'Bakery Miller', state: 'normal', stateSince: now, createdAt: now })
    .execute()
  const nothing = { publicKey: null, awayUntil: null, clockAheadMs: null, discovery: null }
  const about = { id: machine, clientId: client, name: 'annas-laptop', kind: 'laptop', state: 'approved', about: '{}' }
  await store.db
    .insertInto('machines')
    .values({ ...about, ...nothing, createdAt: now, lastSeenAt: now })
    .execute()
  for (const state of ['done', 'failed'] as const) {
    const order = { clientId: client, machineId: machine, kind: 'backup', order: {}, requestedBy: 'schedule' }
    const { id, claimEpoch } = await operations.begin(order, 'machine')
    await operations.finish(id, claimEpoch, { state })
    clock.pass(hour)
  }
  await operations.create({ clientId: client, machineId: null, kind: 'check', order: {}, requestedBy: 'server' })
  return machine
}

for (const kind of storeKinds) {
  test(
    `${kind.name}: monitoring reads what the server does and how old the last good backups are, by ids`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      const machine = await withMachine(server)
      const headers = await server.tokenOf(await server.person({ [everyClient]: 'auditor' }), ['see'])
      await server.call('GET', '/api/machines?client=canary', { headers })
      const { status, text } = await server.call('GET', '/metrics', { headers })
      assert.equal(status, 200)
      for (const line of [
        `understudy_last_good_backup_seconds{machine="${machine}"} 7200`,
        `understudy_machine_unseen_seconds{machine="${machine}"} 7200`,
        'understudy_machines{kind="laptop",state="approved"} 1',
        'understudy_operations{kind="check",state="waiting"} 1',
        'understudy_operations_ended_last_day{kind="backup",state="failed"} 1',
        'understudy_alert_messages_waiting 0',
        'understudy_api_seconds_count{method="GET",route="/api/machines",status="400"} 1',
      ]) {
        assert.ok(text.includes(`${line}\n`), `${line}\n${text}`)
      }
      assert.match(text, /^process_resident_memory_bytes \d+$/m)
      for (const name of ['annas-laptop', 'Miller', 'person1', 'canary']) assert.ok(!text.includes(name), name)
    },
  )
}

test('figures of the database are read once for many who ask at once, and those of what is gone are no longer told', async () => {
  await using server = await TestServer.open()
  const machine = await withMachine(server)
  const read = async () => await server.services.metrics.text(server.services)
  assert.ok((await read()).includes(machine))
  await server.services.store.db.updateTable('machines').set({ state: 'revoked' }).execute()
  assert.ok((await read()).includes(machine), 'a moment ago is good enough')
  server.clock.pass(11_000)
  assert.ok(!(await read()).includes(machine))
})

test('what machines move through the endpoint is counted, and what none should ask', async () => {
  await using server = await TestServer.open()
  const { metrics } = server.services
  metrics.endpointHooks.onTransfer({ received: 700, sent: 30 })
  metrics.endpointHooks.onRefused({ kind: 'delete' })
  metrics.noteStored('snapshot')
  const text = await metrics.text(server.services)
  assert.match(text, /^understudy_endpoint_bytes_total\{direction="received"\} 700$/m)
  assert.match(text, /^understudy_endpoint_refused_total\{kind="delete"\} 1$/m)
  assert.match(text, /^understudy_endpoint_stored_files_total\{type="snapshot"\} 1$/m)
})
