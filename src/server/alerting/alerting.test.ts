import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { storeKinds } from '../../../test/helpers/stores.ts'
import type { StoreKind } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { assignPolicies, changePolicy, createPolicy } from '../fleet/policies.ts'
import { changeMachine, noteSeen } from '../fleet/machines.ts'
import { makeKit, takeKitCode } from '../kit/index.ts'
import { ledgerRound } from '../retention/rounds.ts'
import { noteSize, repositorySubject, storagePrefix } from '../measuring/sizes.ts'
import { grantRepository } from '../repositories/own-repositories.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const policy = {
  name: 'Files',
  what: { include: ['/srv'] },
  when: { kind: 'daily', at: ['22:00'], timeZone: 'UTC', spreadMinutes: 0 },
  keep: { daily: 7 },
  to: { repository: 'own' },
} as const

/** A business with one machine that follows one policy, set up ten days ago; it is noon. */
class Shop implements AsyncDisposable {
  readonly server: TestServer
  readonly client = randomUUID()
  readonly machine = randomUUID()
  policy = ''

  private constructor(server: TestServer) {
    this.server = server
  }

  static async open(kind: StoreKind | undefined, machineKind = 'server'): Promise<Shop> {
    const server = await TestServer.open(kind)
    const shop = new Shop(server)
    const { services, clock } = server
    const { db } = services.store
    const noon = Date.UTC(2026, 7, 5, 12)
    clock.wall = noon - 10 * day
    const [clientId, id] = [shop.client, shop.machine]
    const now = clock.now()
    const client = { id: clientId, name: 'Bakery', state: 'normal', stateSince: now, createdAt: now }
    await db.insertInto('clients').values(client).execute()
    const nothing = { publicKey: 'of its agent', lastSeenAt: now, awayUntil: null, clockAheadMs: null, discovery: null }
    const about = { id, clientId, name: 'till', kind: machineKind, state: 'approved', about: '{}', createdAt: now }
    await db
      .insertInto('machines')
      .values({ ...about, ...nothing })
      .execute()
    shop.policy = (await createPolicy(services, clientId, policy)).id
    await assignPolicies(services, id, [shop.policy])
    clock.wall = noon
    return shop
  }

  async seen(clockAheadMs = 0): Promise<void> {
    const about = { hostname: 'till', platform: 'linux', release: '6', agentVersion: '1' }
    await noteSeen(this.server.services, this.machine, { about, clockAheadMs })
  }

  /** A backup that ended so long ago. */
  async ran(ago: number, state: 'done' | 'failed', more: Record<string, unknown> = {}): Promise<void> {
    const { clock, services } = this.server
    const { operations } = services
    const { wall } = clock
    clock.wall -= ago
    const order = { policyId: this.policy, ...more }
    const about = { clientId: this.client, machineId: this.machine, kind: 'backup', order, requestedBy: 'schedule' }
    const { id, claimEpoch } = await operations.begin(about, `machine:${this.machine}`)
    const result = { bytes: 1_000, files: 10 }
    await operations.finish(
      id,
      claimEpoch,
      state === 'done' ? { state, result } : { state, reason: 'The disk is full.' },
    )
    clock.wall = wall
  }

  /** The machine has just read a device. */
  async readDevice(deviceId: string): Promise<void> {
    const order = { policyId: this.policy, deviceId }
    const about = {
      clientId: this.client,
      machineId: this.machine,
      kind: 'backup-device',
      order,
      requestedBy: 'schedule',
    }
    const { operations } = this.server.services
    const { id, claimEpoch } = await operations.begin(about, `machine:${this.machine}`)
    await operations.finish(id, claimEpoch, { state: 'done', result: { bytes: 1_000, files: 10 } })
  }

  /** What is open after a look, without what there is to say of alerts that nobody has set up. */
  async look(): Promise<readonly string[]> {
    const { services } = this.server
    await services.alerting.cycle(services)
    const { state } = await services.alerting.store.load()
    const open = Object.values(state.open).filter(({ gone }) => !gone)
    const kinds = open.map(({ condition: { kind, severity } }) => `${kind} ${severity}`)
    return kinds.filter((kind) => !/^(alerting|outside)/.test(kind)).toSorted()
  }

  /** Time passes, while the machine and the server go on. */
  async pass(span: number): Promise<void> {
    const { clock } = this.server
    for (let passed = 0; passed < span; passed += 4 * minute) {
      clock.pass(Math.min(4 * minute, span - passed))
      await this.look()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}

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
  const earlier = { ...policy, when: { ...policy.when, at: ['09:00'] } } as const
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

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(
    about('a device is watched by the runs of the machine that reads it, and by those alone'),
    { skip },
    async () => {
      await using shop = await Shop.open(kind)
      const { services } = shop.server
      const { db } = services.store
      const device = {
        id: randomUUID(),
        clientId: shop.client,
        name: 'nas',
        kind: 'appliance',
        state: 'approved',
        about: '{}',
      }
      const nothing = { publicKey: null, lastSeenAt: null, awayUntil: null, clockAheadMs: null, discovery: null }
      await db
        .insertInto('machines')
        .values({ ...device, ...nothing, createdAt: shop.server.clock.now() - 3 * day })
        .execute()
      const sealed = { machineId: device.id, readerId: shop.machine, sealedAccess: '', revision: 1 }
      await db.insertInto('devices').values(sealed).execute()
      shop.server.clock.wall -= 3 * day
      await assignPolicies(services, device.id, [shop.policy])
      shop.server.clock.wall += 3 * day
      await shop.seen()
      await shop.ran(14 * hour, 'done', { deviceId: device.id })
      assert.deepEqual(await shop.look(), ['run_missed warning'])
      await shop.readDevice(device.id)
      assert.deepEqual(await shop.look(), [])
    },
  )

  test(
    about('a machine with a script for stock restic is missed when the next run does not come'),
    { skip },
    async () => {
      await using shop = await Shop.open(kind)
      const { services, clock } = shop.server
      const { db } = services.store
      await db.deleteFrom('machinePolicies').execute()
      await db.updateTable('machines').set({ publicKey: null }).execute()
      const settings = JSON.stringify({ system: 'linux', paths: ['/srv'], schedule: { hour: 3, minute: 0 } })
      const script = {
        machineId: shop.machine,
        settings,
        tokenHash: 'x',
        madeAt: clock.now() - 5 * day,
        madeBy: 'person:x',
      }
      await db.insertInto('scripts').values(script).execute()
      await shop.ran(9 * hour, 'done', { policyId: undefined, by: 'script' })
      assert.deepEqual(await shop.look(), [])
      clock.pass(18 * hour - 20 * minute)
      await shop.pass(20 * minute)
      assert.deepEqual(await shop.look(), [])
      clock.pass(2 * hour - 20 * minute)
      await shop.pass(20 * minute)
      assert.deepEqual(await shop.look(), ['run_missed warning'])
      await shop.ran(0, 'done', { policyId: undefined, by: 'restic' })
      assert.deepEqual(await shop.look(), [])
    },
  )
}
