import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '#base'
import type { Outcome } from '#protocol'
import { z } from 'zod'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { serverJob } from './job.ts'
import type { ServerJobWork } from './job.ts'
import { claimRound } from './round.ts'
import type { Round } from './round.ts'
import { doServerWork } from './server-work.ts'

type Run = (order: { readonly wanted: string }, work: ServerJobWork) => Promise<Outcome>

function tryJob(run: Run) {
  return serverJob({ kind: 'try', order: z.object({ wanted: z.string() }), run })
}

/** Works until nothing waits or runs any more. */
async function workUntilIdle({ services }: TestServer, run: Run): Promise<void> {
  const ending = new AbortController()
  const real = { ...services, clock: systemClock }
  const work = doServerWork(real, { jobs: [tryJob(run)], rounds: [], rhythm: 5, signal: ending.signal })
  for (;;) {
    const open = services.store.db.selectFrom('operations').select('id').where('state', 'in', ['waiting', 'running'])
    if ((await open.execute()).length === 0) break
    await systemClock.sleep(5)
  }
  ending.abort()
  await work
}

async function ask({ services }: TestServer, order: object): Promise<string> {
  const about = { clientId: null, machineId: null, kind: 'try', order: { ...order }, requestedBy: 'server' }
  return (await services.operations.create(about)).id
}

async function stateOf({ services }: TestServer, id: string) {
  const query = services.store.db.selectFrom('operations').select(['state', 'reason', 'code']).where('id', '=', id)
  return await query.executeTakeFirstOrThrow()
}

test('an operation that is for no machine is done by the server, and ends as its job says', async () => {
  await using server = await TestServer.open()
  const id = await ask(server, { wanted: 'bread' })
  await workUntilIdle(server, async ({ wanted }) => ({ state: 'warnings', reason: `No ${wanted} left.` }))
  assert.deepEqual(await stateOf(server, id), { state: 'warnings', reason: 'No bread left.', code: null })
})

test('a job that throws, and an order that is not what the job takes, are failed operations that say why', async () => {
  await using server = await TestServer.open()
  const [thrown, wrong] = [await ask(server, { wanted: 'x' }), await ask(server, { wanted: 7 })]
  await workUntilIdle(server, async () => {
    throw Object.assign(new Error('The oven is cold.'), { code: 'OVEN_COLD' })
  })
  assert.deepEqual(await stateOf(server, thrown), { state: 'failed', reason: 'The oven is cold.', code: 'OVEN_COLD' })
  assert.equal((await stateOf(server, wrong)).state, 'failed')
})

test('a server that stops leaves what it did to be done again, and the next one does it', async () => {
  await using server = await TestServer.open()
  const id = await ask(server, { wanted: 'x' })
  const ending = new AbortController()
  const run: Run = async (_, { signal }) => {
    ending.abort(new Error('stop'))
    await systemClock.sleep(10_000, { signal })
    return { state: 'done' }
  }
  const services = { ...server.services, clock: systemClock }
  await doServerWork(services, { jobs: [tryJob(run)], rounds: [], rhythm: 5, signal: ending.signal })
  assert.equal((await stateOf(server, id)).state, 'waiting')
  await workUntilIdle(server, async () => ({ state: 'done' }))
  assert.equal((await stateOf(server, id)).state, 'done')
})

test('a copy that takes for days keeps nothing else from being done', async () => {
  await using server = await TestServer.open()
  const ending = new AbortController()
  const hanging = serverJob({
    kind: 'long',
    lane: 'copies',
    order: z.object({}),
    run: async (_, { signal }) => {
      await systemClock.sleep(60_000, { signal })
      return { state: 'done' }
    },
  })
  const about = { clientId: null, machineId: null, kind: 'long', order: {}, requestedBy: 'server' }
  for (let at = 0; at < 10; at++) await server.services.operations.create(about)
  const id = await ask(server, { wanted: 'x' })
  const jobs = [
    hanging,
    tryJob(async () => {
      ending.abort()
      return { state: 'done' }
    }),
  ]
  const services = { ...server.services, clock: systemClock }
  const giveUp = setTimeout(() => ending.abort(), 10_000)
  await doServerWork(services, { jobs, rounds: [], rhythm: 5, signal: ending.signal })
  clearTimeout(giveUp)
  const started = server.services.store.db.selectFrom('operations').select('startedAt').where('id', '=', id)
  assert.notEqual((await started.executeTakeFirstOrThrow()).startedAt, null)
})

test('an operation in which servers end again and again is given up, and says so', async () => {
  await using server = await TestServer.open()
  const id = await ask(server, { wanted: 'x' })
  for (let at = 0; at < 10; at++) {
    assert.ok(await server.services.operations.claim('server:killed', { machineId: null }))
    server.clock.pass(121_000)
  }
  let runs = 0
  await workUntilIdle(server, async () => {
    runs++
    return { state: 'done' }
  })
  const { state, reason } = await stateOf(server, id)
  assert.deepEqual([state, runs], ['failed', 0])
  assert.match(reason ?? '', /begun 10 times/)
})

for (const kind of storeKinds) {
  test(
    `${kind.name}: of many nodes one makes a round, and none before it is due again`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      const clock = new SettableClock(10_000)
      const round: Round = { name: 'look', every: 1_000, run: async () => undefined }
      const claimedBy = async (nodes: number) => {
        const { store } = server.services
        const claims = Array.from({ length: nodes }, async () => await claimRound(store, round, clock))
        return (await Promise.all(claims)).filter(Boolean).length
      }
      assert.equal(await claimedBy(5), 1)
      clock.pass(999)
      assert.equal(await claimedBy(5), 0)
      clock.pass(1)
      assert.equal(await claimedBy(5), 1)
      const behind = new SettableClock(clock.now() - 300)
      assert.equal(
        await claimRound(server.services.store, round, behind),
        false,
        'a node whose clock is a little behind does not make it again',
      )
      clock.pass(-8_000)
      assert.equal(
        await claimedBy(5),
        1,
        'a clock that was ahead when the last one began keeps nothing from being done',
      )
    },
  )
}

test('a round that fails is told, and neither ends the others nor itself', async () => {
  await using server = await TestServer.open()
  const ending = new AbortController()
  const [told, made]: [string[], string[]] = [[], []]
  const failing: Round = {
    name: 'failing',
    every: 1,
    run: async () => {
      throw new Error('the disk is full')
    },
  }
  const other: Round = {
    name: 'other',
    every: 1,
    run: async () => {
      made.push('x')
      if (made.length === 2) ending.abort()
    },
  }
  await doServerWork(
    { ...server.services, clock: systemClock },
    { jobs: [], rounds: [failing, other], rhythm: 5, signal: ending.signal, onProblem: (said) => void told.push(said) },
  )
  assert.equal(made.length, 2)
  assert.deepEqual(new Set(told), new Set(['failing: the disk is full']))
})
