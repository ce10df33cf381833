import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '#base'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import { openMigrated, storeKinds } from '../../../test/helpers/stores.ts'
import { openStore } from '../store/store.ts'
import { claimLife, Operations } from './operations.ts'
import type { NewOperation } from './operations.ts'

const check: NewOperation = { clientId: 'c', machineId: null, kind: 'check', order: { a: 1 }, requestedBy: 'schedule' }
const lost = (error: unknown) => hasCode(error, 'CLAIM_LOST')

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(about('an operation waits, runs with progress, and is done'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const operations = new Operations(opened.store.db, new SettableClock(1_000))
    const { id, state } = await operations.create(check)
    assert.equal(state, 'waiting')
    const claim = await operations.claim('node 1', { machineId: null })
    assert.deepEqual([claim?.operation.id, claim?.epoch, claim?.operation.state], [id, 1, 'running'])
    assert.deepEqual(await operations.report(id, 1, { done: 5, total: 10 }), { cancelAsked: false })
    const done = await operations.finish(id, 1, {
      state: 'warnings',
      reason: 'One file was left out.',
      result: { files: 3 },
    })
    assert.deepEqual([done.state, done.reason, done.result], ['warnings', 'One file was left out.', '{"files":3}'])
    assert.equal(await operations.claim('node 1', { machineId: null }), undefined)
  })

  test(
    about('of many who look for work at once, in several nodes, each gets another operation, and none twice'),
    { skip },
    async () => {
      await using opened = await openMigrated(kind)
      await using other = kind.name === 'PostgreSQL' ? await openStore(opened.location) : undefined
      const nodes = [opened.store, other ?? opened.store].map(({ db }) => new Operations(db))
      for (let i = 0; i < 10; i++) await nodes[0]?.create(check)
      const claimed: string[] = []
      const worker = async (operations: Operations, by: string) => {
        for (;;) {
          const claim = await operations.claim(by, { machineId: null })
          if (!claim) return
          claimed.push(claim.operation.id)
        }
      }
      await Promise.all(nodes.flatMap((node, i) => [1, 2, 3].map(async (j) => await worker(node, `${i} ${j}`))))
      assert.equal(claimed.length, 10)
      assert.equal(new Set(claimed).size, 10)
    },
  )

  test(
    about('what somebody has begun is given to nobody else who looks for work at that moment'),
    { skip },
    async () => {
      await using opened = await openMigrated(kind)
      const operations = new Operations(opened.store.db)
      for (let round = 0; round < 20; round++) {
        const looks = async () => await operations.claim('another', { machineId: null })
        const [begun, ...found] = await Promise.all([operations.begin(check, 'its own'), looks(), looks(), looks()])
        assert.deepEqual([begun.state, begun.claimedBy, begun.claimEpoch], ['running', 'its own', 1])
        assert.deepEqual(found, [undefined, undefined, undefined])
      }
    },
  )

  test(about('what may exist once exists once, whoever enters it'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const operations = new Operations(opened.store.db)
    const wanted = { ...check, onceKey: 'policy 1 at 12:00' }
    const made = await Promise.all([1, 2, 3].map(async () => await operations.create(wanted)))
    assert.equal(new Set(made.map(({ id }) => id)).size, 1)
  })

  test(about('who falls silent loses the claim, and what it says later is refused'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const clock = new SettableClock(1_000)
    const operations = new Operations(opened.store.db, clock)
    const { id } = await operations.create(check)
    await operations.claim('node 1', { machineId: null })
    clock.pass(claimLife - 1)
    await operations.report(id, 1, undefined)
    clock.pass(claimLife - 1)
    assert.equal(await operations.claim('node 2', { machineId: null }), undefined)
    clock.pass(2)
    const again = await operations.claim('node 2', { machineId: null })
    assert.deepEqual([again?.operation.id, again?.epoch], [id, 2])
    await assert.rejects(operations.report(id, 1, { done: 1 }), lost)
    await assert.rejects(operations.finish(id, 1, { state: 'done' }), lost)
    await operations.finish(id, 2, { state: 'done' })
  })

  test(about('an end that is told twice, because the first answer was lost, is one'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const operations = new Operations(opened.store.db)
    const { id } = await operations.create(check)
    await operations.claim('node 1', { machineId: null })
    await operations.finish(id, 1, { state: 'done' })
    assert.equal((await operations.finish(id, 1, { state: 'done' })).state, 'done')
    await assert.rejects(operations.finish(id, 1, { state: 'failed' }), lost)
  })

  test(about('what waits is cancelled at once, and what runs is told to end'), { skip }, async () => {
    await using opened = await openMigrated(kind)
    const operations = new Operations(opened.store.db)
    const first = await operations.create(check)
    assert.equal((await operations.cancel(first.id)).state, 'cancelled')
    assert.equal(await operations.claim('node 1', { machineId: null }), undefined)
    const second = await operations.create(check)
    await operations.claim('node 1', { machineId: null })
    assert.equal((await operations.cancel(second.id)).state, 'running')
    assert.deepEqual(await operations.report(second.id, 1, undefined), { cancelAsked: true })
    await operations.finish(second.id, 1, { state: 'cancelled' })
    await assert.rejects(operations.cancel(second.id), (error) => hasCode(error, 'STATE_WRONG'))
  })

  test(
    about('nobody gets what is for another machine, for later, or of a kind it does not know'),
    { skip },
    async () => {
      await using opened = await openMigrated(kind)
      const clock = new SettableClock(1_000)
      const operations = new Operations(opened.store.db, clock)
      await operations.create({ ...check, machineId: 'm1' })
      await operations.create({ ...check, runAt: 2_000 })
      assert.equal(await operations.claim('m2', { machineId: 'm2' }), undefined)
      assert.equal(await operations.claim('node', { machineId: null }), undefined)
      assert.equal(await operations.claim('m1', { machineId: 'm1', kinds: ['backup'] }), undefined)
      assert.ok(await operations.claim('m1', { machineId: 'm1', kinds: ['check'] }))
      clock.pass(1_000)
      assert.ok(await operations.claim('node', { machineId: null }))
    },
  )
}
