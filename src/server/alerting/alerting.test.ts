import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { assignPolicies, changePolicy, createPolicy } from '../fleet/policies.ts'
import { changeMachine } from '../fleet/machines.ts'
import { makeKit, takeKitCode } from '../kit/index.ts'
import { ledgerRound } from '../retention/rounds.ts'
import { noteSize, repositorySubject, storagePrefix } from '../measuring/sizes.ts'
import { grantRepository } from '../repositories/own-repositories.ts'

import { Shop, day, hour, minute, shopPolicy } from '../../../test/helpers/shop.ts'
for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(
    about('a planned run that was not made is missed after its time and an hour, and over when one is made'),
    { skip },
    async () => {
      await using shop = await Shop.open(kind)
      await shop.seen()
      await shop.ran(14 * hour, 'done')
      assert.deepEqual(await shop.look(), [])
      shop.server.clock.wall = Date.UTC(2026, 7, 5, 22, 59)
      await shop.seen()
      // The server was away for that time, too: nobody is accused before there was time to report.
      assert.deepEqual(await shop.look(), [])
      await shop.pass(2 * minute)
      await shop.seen()
      assert.deepEqual(await shop.look(), [])
      await shop.pass(14 * minute)
      await shop.seen()
      assert.deepEqual(await shop.look(), ['run_missed warning'])
      await shop.ran(0, 'done')
      assert.deepEqual(await shop.look(), [])
    },
  )

  test(
    about('a backup that failed, a silent machine and a wrong clock are seen in the tables as they come'),
    { skip },
    async () => {
      await using shop = await Shop.open(kind)
      await shop.seen(7 * minute)
      await shop.ran(14 * hour, 'done')
      assert.deepEqual(await shop.look(), ['clock_wrong warning'])
      await shop.seen()
      await shop.ran(minute, 'failed')
      assert.deepEqual(await shop.look(), ['run_failed warning'])
      await shop.pass(16 * minute)
      assert.deepEqual(await shop.look(), ['machine_unseen critical', 'run_failed warning'])
      const { services } = shop.server
      await changeMachine(services, shop.machine, { awayUntil: shop.server.clock.now() + day })
      assert.deepEqual(await shop.look(), ['run_failed warning'])
      await changeMachine(services, shop.machine, { awayUntil: null })
      await services.alerting.settings.change((before) => ({ ...before, unseenMinutes: { server: 60 } }))
      assert.deepEqual(await shop.look(), ['run_failed warning'], 'servers may be silent for an hour here')
      await services.store.db.updateTable('machines').set({ state: 'revoked' }).execute()
      assert.deepEqual(await shop.look(), [])
    },
  )

  test(
    about('a repository that is held, one that is nearly full, and a disk that fills are told'),
    { skip },
    async () => {
      await using shop = await Shop.open(kind)
      const { services, clock } = shop.server
      const { db } = services.store
      await shop.seen()
      await shop.ran(14 * hour, 'done')
      const machine = { id: shop.machine, clientId: shop.client, name: 'till' }
      const { repositoryId: id } = await grantRepository(services, machine, 'made-on-the-machine-once')
      assert.deepEqual(await shop.look(), [])
      await db.updateTable('repositories').set({ held: 1, heldBecause: 'much changed', quotaBytes: 1_000 }).execute()
      await noteSize(db, { subject: repositorySubject(id), at: clock.now(), bytes: 980, capacity: null })
      const grows = Array.from({ length: 20 }, (_, index) => index)
      for (const days of grows) {
        const size = {
          subject: `${storagePrefix}disk`,
          at: clock.now() - days * day,
          bytes: 500 - days * 20,
          capacity: 1_000,
        }
        await noteSize(db, size)
      }
      const found = ['retention_held critical', 'storage_filling critical', 'storage_filling warning']
      assert.deepEqual(await shop.look(), found)
      const { state } = await services.alerting.store.load()
      const disk = Object.values(state.open).find(({ condition }) => condition.subject.name === 'disk')
      assert.deepEqual(disk?.condition.facts, { capacity: 1_000, free: 500, fullAt: clock.now() + 25 * day })
    },
  )

  test(
    about('a password that the client keeps is told of as a notice, until the server has it'),
    { skip },
    async () => {
      await using shop = await Shop.open(kind)
      const { services } = shop.server
      const machine = { id: shop.machine, clientId: shop.client, name: 'till' }
      const look = async () => (await shop.look()).filter((one) => one.startsWith('password'))
      await grantRepository(services, machine, undefined)
      assert.deepEqual(await look(), ['password_kept notice'])
      await grantRepository(services, machine, 'made-on-the-machine-once')
      shop.server.clock.pass(hour)
      assert.deepEqual(await look(), [])
    },
  )

  test(
    about('everybody hears of an account that is handed over by a link, until that is some days ago'),
    { skip },
    async () => {
      await using shop = await Shop.open(kind)
      const { server } = shop
      const lost = await server.person({ [everyClient]: 'owner' })
      const headers = await server.tokenOf(await server.person({ [everyClient]: 'owner' }))
      const reset = async () => {
        const { json } = await server.call('POST', `/api/people/${lost}/reset`, { headers, body: {} })
        return (json as { link: string }).link.split('#')[1]
      }
      const look = async () => (await shop.look()).filter((one) => one.startsWith('account'))
      const facts = async () => {
        const { open } = (await server.services.alerting.store.load()).state
        const found = Object.values(open).find(({ condition }) => condition.kind === 'account_reset')
        return [found?.condition.subject.name, found?.condition.facts]
      }
      assert.deepEqual(await look(), [])
      await reset()
      assert.deepEqual(await look(), ['account_reset critical'])
      const [email, by] = ['person1@example.org', 'person2@example.org']
      assert.deepEqual(await facts(), [email, { by, usedAt: null }])
      server.clock.pass(25 * hour)
      assert.deepEqual(await look(), [], 'nobody used it')
      const body = { token: await reset(), email, name: 'Anna', password: 'another long password' }
      assert.equal((await server.call('POST', '/api/set-up', { body })).status, 200)
      const usedAt = server.clock.now()
      assert.deepEqual(await look(), ['account_reset critical'])
      assert.deepEqual(await facts(), [email, { by, usedAt }])
      server.clock.pass(3 * day)
      assert.deepEqual(await look(), [])
    },
  )

  test(
    about(
      'a proof that failed after the last that passed is told, a repository that was never checked, and a kit that nobody confirmed',
    ),
    { skip },
    async () => {
      await using shop = await Shop.open(kind)
      const { services, clock } = shop.server
      await shop.seen()
      await shop.ran(14 * hour, 'done')
      clock.wall -= 9 * day
      const machine = { id: shop.machine, clientId: shop.client, name: 'till' }
      const { repositoryId } = await grantRepository(services, machine, 'made-on-the-machine-once')
      await services.ledger.write({ repositoryId, what: 'received', snapshotId: 'a'.repeat(64), machineId: machine.id })
      clock.wall += 4 * day
      const proof = { clientId: shop.client, machineId: null, order: { repositoryId }, requestedBy: 'server' }
      const tested = await services.operations.begin({ ...proof, kind: 'test-restore' }, 'server')
      await services.operations.finish(tested.id, tested.claimEpoch, { state: 'done' })
      clock.wall += 5 * day
      const evidence = {
        id: tested.id,
        clientId: shop.client,
        machineId: null,
        repositoryId,
        kind: 'restore',
        measuredBy: 'server',
        measuredAt: clock.now() - 5 * day,
        holdsUntil: clock.now() - day,
        measured: '{}',
      }
      await services.store.db.insertInto('evidence').values(evidence).execute()
      assert.deepEqual(await shop.look(), ['kit_not_stored warning', 'proof_overdue warning'])
      const order = { language: 'en', withServer: false, by: 'olga' } as const
      const { text } = await makeKit(services, shop.client, order)
      const [code = ''] = /\b[A-Z0-9]{4}(?:-[A-Z0-9]{4})+\b/.exec(text) ?? []
      assert.equal((await takeKitCode(services, shop.client, { code, by: 'olga' })).result, 'right')
      assert.deepEqual(await shop.look(), ['proof_overdue warning'])
      const { id, claimEpoch } = await services.operations.begin({ ...proof, kind: 'check' }, 'server')
      await services.operations.finish(id, claimEpoch, { state: 'failed', reason: 'A pack is damaged.' })
      assert.deepEqual(await shop.look(), ['proof_failed critical', 'proof_overdue warning'])
      clock.wall += 40 * day
      assert.ok((await shop.look()).filter((name) => name.startsWith('proof_overdue')).length === 2)
    },
  )
}

test('a policy that was changed or assigned a moment ago expects nothing of the time before', async () => {
  await using shop = await Shop.open(storeKinds[0])
  const { services } = shop.server
  await shop.seen()
  await shop.ran(14 * hour, 'done')
  const earlier = { ...shopPolicy, when: { ...shopPolicy.when, at: ['09:00'] } } as const
  await changePolicy(services, shop.policy, earlier)
  assert.deepEqual(await shop.look(), [])
  const second = await createPolicy(services, shop.client, { ...earlier, name: 'More' })
  await assignPolicies(services, shop.machine, [shop.policy, second.id])
  assert.deepEqual(await shop.look(), [])
  const since = await services.store.db.selectFrom('machinePolicies').select('since').orderBy('since').execute()
  assert.notEqual(since[0]?.since, since[1]?.since, 'what is followed already has been followed for longer')
})

test('what a machine made up of its own run keeps nobody from being looked at', async () => {
  await using shop = await Shop.open(storeKinds[0])
  await shop.seen()
  await shop.ran(14 * hour, 'done')
  await shop.ran(2 * hour, 'failed', { policyId: { $ne: 1 } })
  await shop.ran(hour, 'failed', { policyId: '__proto__' })
  assert.deepEqual(await shop.look(), [])
})

test('runs that ended between two looks are seen, also those whose end another node wrote by a slower clock', async () => {
  await using shop = await Shop.open(storeKinds[0])
  await shop.seen()
  await shop.ran(14 * hour, 'done')
  assert.deepEqual(await shop.look(), [])
  await shop.ran(10 * minute, 'failed')
  assert.deepEqual(await shop.look(), ['run_failed warning'])
  await shop.ran(5 * minute, 'done')
  assert.deepEqual(await shop.look(), [])
})

test('the outside watch is called only while the rest of the server’s own work goes on', async () => {
  await using shop = await Shop.open(storeKinds[0])
  const { services, clock } = shop.server
  await services.alerting.settings.change((before) => ({ ...before, deadMan: { url: 'https://watch.invalid/' } }))
  const because = async () => (await services.alerting.cycle(services)).watch
  assert.deepEqual(await because(), { call: false, because: 'the look at the repositories shows no sign of life' })
  await services.store.db.insertInto('rounds').values({ name: ledgerRound, lastAt: clock.now() }).execute()
  assert.deepEqual(await because(), { call: true, because: 'all is well' })
})
