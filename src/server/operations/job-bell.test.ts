import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#base'
import { openMigrated, storeKinds } from '../../../test/helpers/stores.ts'
import { JobBell } from './job-bell.ts'
import { Operations } from './operations.ts'

for (const kind of storeKinds) {
  const { skip } = kind

  test(`${kind.name}: of machines that wait, those hear the bell that there is work for`, { skip }, async () => {
    await using opened = await openMigrated(kind)
    const { db } = opened.store
    const bell = new JobBell(db, systemClock)
    const rung: string[] = []
    const ending = new AbortController()
    const wait = async (machineId: string) => {
      await bell.wait(machineId, 600_000, { signal: ending.signal })
      rung.push(machineId)
    }
    const others = [wait('b'), wait('b'), wait('c')].map(async (waiting) => await waiting.catch(() => undefined))
    const first = wait('a')
    // Another node enters it: this one is not told.
    const order = { clientId: 'x', machineId: 'a', kind: 'backup', order: {}, requestedBy: 'server' }
    await new Operations(db).create(order)
    await first
    assert.deepEqual(rung, ['a'])
    ending.abort(new Error('gone'))
    await Promise.all(others)
    assert.deepEqual(rung, ['a'])
  })
}

test('who waits for nothing is let go when the time is over', async () => {
  await using opened = await openMigrated(storeKinds[0] as (typeof storeKinds)[0])
  await new JobBell(opened.store.db, systemClock).wait('a', 10, {})
})
