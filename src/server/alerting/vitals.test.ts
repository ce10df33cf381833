import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { ledgerRound } from '../retention/rounds.ts'

const hour = 3_600_000

test('the outside watch is not called while the work on the repositories hangs, however well all else looks', async () => {
  await using server = await TestServer.open()
  const { services, clock } = server
  const deadMan = { url: 'https://127.0.0.1:9/', everyMinutes: 5 }
  await services.alerting.settings.change((before) => ({ ...before, deadMan }))
  const called = async () => {
    await services.store.db
      .insertInto('rounds')
      .values({ name: ledgerRound, lastAt: clock.now() })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ lastAt: clock.now() }))
      .execute()
    return (await services.alerting.cycle(services)).watch
  }
  assert.equal((await called()).call, true)
  const about = { clientId: null, machineId: null, kind: 'ledger-check', order: {}, requestedBy: 'schedule' }
  await services.operations.create(about)
  clock.pass(2 * hour)
  assert.equal((await called()).call, true, 'others were before it')
  clock.pass(2 * hour)
  assert.deepEqual(await called(), { call: false, because: 'the work on the repositories shows no sign of life' })
  await services.store.db.updateTable('operations').set({ state: 'done' }).execute()
  assert.equal((await called()).call, true)
})
