import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { Shop, day, hour, minute } from '../../../test/helpers/shop.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { assignPolicies } from '../fleet/policies.ts'

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
      await assignPolicies(services, shop.machine, [shop.policy])
      clock.pass(23 * hour)
      await shop.pass(20 * minute)
      assert.deepEqual(await shop.look(), [], 'the policy says what is kept; the script has its own schedule')
    },
  )

  test(
    about('of a machine without our agent or script the policy says when its next snapshot is expected'),
    { skip },
    async () => {
      await using shop = await Shop.open(kind)
      const { services, clock } = shop.server
      await services.store.db.updateTable('machines').set({ publicKey: null }).execute()
      await shop.ran(14 * hour, 'done', { policyId: undefined, by: 'restic' })
      assert.deepEqual(await shop.look(), [])
      clock.pass(11 * hour)
      await shop.pass(20 * minute)
      assert.deepEqual(await shop.look(), ['run_missed warning'])
      await shop.ran(0, 'done', { policyId: undefined, by: 'restic' })
      assert.deepEqual(await shop.look(), [])
    },
  )
}
