import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import { openMigrated, storeKinds } from '../../../test/helpers/stores.ts'
import { Ledger } from './ledger.ts'

const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string]
const nothing = { missing: [], returned: [], unknown: [] }

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`
  const received = (snapshotId: string, repositoryId = 'r') =>
    ({ repositoryId, what: 'received', snapshotId, machineId: 'm' }) as const
  const removed = (snapshotId: string) => ({ ...received(snapshotId), what: 'removed' }) as const

  test(about('what the storage has is what the ledger says, as long as nobody meddles'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const clock = new SettableClock(1_000)
    const ledger = new Ledger(opened.store.db, clock)
    await ledger.write(received(a))
    clock.pass(500)
    await ledger.write(received(b))
    await ledger.write(removed(a))
    assert.deepEqual(await ledger.compare('r', new Set([b])), nothing)
    assert.deepEqual([...(await ledger.received('r'))], [[b, 1_500]])
    assert.equal((await ledger.verify('r')).fault, undefined)
  })

  test(about('a snapshot that is missing, came back, or was never sent is named'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const ledger = new Ledger(opened.store.db)
    for (const entry of [received(a), received(b), removed(b)]) await ledger.write(entry)
    assert.deepEqual(await ledger.compare('r', new Set([b, c])), { missing: [a], returned: [b], unknown: [c] })
  })

  test(
    about('an upload that comes twice is one entry, and a snapshot that is sent again after its removal is a new one'),
    { skip },
    async () => {
      await using opened = await openMigrated(kind)
      const ledger = new Ledger(opened.store.db)
      for (const entry of [received(a), received(a), removed(a), removed(a), received(a)]) await ledger.write(entry)
      const entries = await Array.fromAsync(ledger.entries('r'))
      assert.deepEqual(
        entries.map(({ what }) => what),
        ['received', 'removed', 'received'],
      )
    },
  )

  test(
    about('what is just being removed or put back may be there or not, and putting it back makes it no younger'),
    { skip },
    async () => {
      await using opened = await openMigrated(kind)
      const clock = new SettableClock(1_000)
      const ledger = new Ledger(opened.store.db, clock)
      await ledger.write(received(a))
      const at = async (what: 'removing' | 'removed' | 'putting-back' | 'put-back') => {
        clock.pass(1_000)
        await ledger.write({ ...received(a), what })
        const { receivedAt, putBackAt } = (await ledger.snapshots('r')).get(a) ?? {}
        const found = [await ledger.compare('r', new Set()), await ledger.compare('r', new Set([a]))]
        return { receivedAt, putBackAt, agrees: found.map((each) => JSON.stringify(each) === JSON.stringify(nothing)) }
      }
      const never = { receivedAt: 1_000, putBackAt: undefined }
      assert.deepEqual(await at('removing'), { ...never, agrees: [true, true] })
      assert.deepEqual(await at('put-back'), { ...never, agrees: [false, true] }, 'a removal that was cut off')
      await at('removing')
      assert.deepEqual(await at('removed'), { ...never, agrees: [true, false] })
      assert.deepEqual(await at('putting-back'), { ...never, agrees: [true, true] })
      assert.deepEqual(await at('put-back'), { receivedAt: 1_000, putBackAt: 7_000, agrees: [false, true] })
      await ledger.write(received(a))
      assert.equal((await ledger.snapshots('r')).get(a)?.receivedAt, 1_000, 'an upload of it says nothing new')
    },
  )

  test(about('a signature is kept once, and says nothing about whether the snapshot is there'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const ledger = new Ledger(opened.store.db)
    const signed = { ...received(a), what: 'signed', details: { signature: 's' } } as const
    for (const entry of [received(a), signed, signed, received(a)]) await ledger.write(entry)
    const entries = await Array.fromAsync(ledger.entries('r'))
    assert.deepEqual(
      entries.map(({ what }) => what),
      ['received', 'signed'],
    )
    assert.deepEqual(await ledger.compare('r', new Set([a])), nothing)
    await ledger.write(removed(a))
    assert.deepEqual(await ledger.compare('r', new Set([a])), { ...nothing, returned: [a] })
  })

  test(
    about('each repository has a chain of its own, which shows what was changed behind its back'),
    { skip },
    async () => {
      await using opened = await openMigrated(kind)
      const { db } = opened.store
      const ledger = new Ledger(db)
      for (const id of [a, b, c]) {
        await ledger.write(received(id))
        await ledger.write(received(id, 'other'))
      }
      await sql`update ledger set at = at - 1 where repository_id = 'r' and seq = 2`.execute(db)
      assert.deepEqual((await ledger.verify('r')).fault, { kind: 'changed', seq: 2 })
      assert.equal((await ledger.verify('other')).fault, undefined)
    },
  )
}
