import assert from 'node:assert/strict'
import { mkdir, rename } from 'node:fs/promises'
import { test } from 'node:test'
import { serverRepository } from '../../../test/helpers/server-repository.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { workUntilIdle } from '../../../test/helpers/work-until-idle.ts'
import type { Services } from '../app/services.ts'
import { orderDueCopies } from '../copies/copy-round.ts'
import { createDestination } from '../copies/destinations.ts'
import { assignPolicies, createPolicy } from '../fleet/policies.ts'
import { orderOwnBackup } from '../own-backup/own-backup-job.ts'
import { renewOwnPassword } from '../own-backup/own-repository.ts'

const hour = 3_600_000
const day = 24 * hour

const plain = { lockDays: null, remindAfterDays: null, place: {}, isOfServer: true } as const
const deletableBy = { writer: true, machine: false, people: [] }

/** What is open after a look, of the kinds that this is about. */
async function look(services: Services, kinds: RegExp): Promise<readonly string[]> {
  await services.alerting.cycle(services)
  const { state } = await services.alerting.store.load()
  const open = Object.values(state.open).filter(({ gone }) => !gone)
  return open.map(({ condition: { kind, severity } }) => `${kind} ${severity}`).filter((shown) => kinds.test(shown))
}

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(
    about('a copy that cannot be made is told of after some hours, with the reason, until it is made'),
    { skip },
    async () => {
      await using server = await TestServer.open(kind)
      await using place = await tempFolder()
      await mkdir(place.join('nas'))
      const { services, clock } = server
      const machine = await serverRepository(services)
      const { clientId } = machine
      const destination = { name: 'NAS', kind: 'folder', location: place.join('nas'), deletableBy, ...plain } as const
      await createDestination(services, clientId, destination)
      const { id } = await createPolicy(services, clientId, {
        name: 'Files',
        what: { include: ['/srv'] },
        when: { kind: 'daily', at: ['22:00'], timeZone: 'UTC' },
        keep: { daily: 7 },
        to: { repository: 'own', copies: [{ repository: 'NAS' }] },
      })
      await assignPolicies(services, machine.machineId, [id])
      await rename(place.join('nas'), place.join('away'))
      await machine.backUp('accounts')
      const copyAndLook = async () => {
        await orderDueCopies(services)
        await workUntilIdle(services)
        return await look(services, /^copy_behind/)
      }
      assert.deepEqual(await copyAndLook(), [])
      clock.pass(7 * hour)
      assert.deepEqual(await copyAndLook(), ['copy_behind warning'])
      const { state } = await services.alerting.store.load()
      const said = Object.values(state.open).find(({ condition }) => condition.kind === 'copy_behind')
      const { name, client } = said?.condition.subject ?? {}
      assert.deepEqual([name, client?.id], ['NAS', clientId])
      assert.match(JSON.stringify(said?.condition.facts), /"repository":"till","lastComplete":null,"reason":".*NAS/)
      await rename(place.join('away'), place.join('nas'))
      clock.pass(2 * hour)
      assert.deepEqual(await copyAndLook(), [])
    },
  )

  test(
    about('the server’s own backup that is not made, or that nobody could use, is told of until both is mended'),
    { skip },
    async () => {
      await using server = await TestServer.open(kind)
      const { services, clock } = server
      await serverRepository(services)
      const backUpAndLook = async () => {
        await orderOwnBackup(services)
        await workUntilIdle(services)
        return await look(services, /^own_backup/)
      }
      assert.deepEqual(await backUpAndLook(), [])
      clock.pass(8 * day)
      assert.deepEqual(await look(services, /^own_backup/), [
        'own_backup_late critical',
        'own_backup_unusable warning',
        'own_backup_unusable notice',
      ])
      await renewOwnPassword(services)
      // By default it lies beside the machines' repositories, on the server's disk.
      assert.deepEqual(await backUpAndLook(), ['own_backup_unusable notice'])
    },
  )

  test(
    about('a machine that nothing is backed up of is told of after a day; who sends snapshots by restic is not'),
    { skip },
    async () => {
      await using server = await TestServer.open(kind)
      const { services, clock } = server
      const [forgotten, byRestic] = [
        await serverRepository(services),
        await serverRepository(services, { name: 'nas' }),
      ]
      const told = async () => await look(services, /^not_protected/)
      assert.deepEqual(await told(), [])
      await byRestic.backUp('accounts')
      clock.pass(25 * hour)
      assert.deepEqual(await told(), ['not_protected warning'])
      await services.store.db
        .updateTable('machines')
        .set({ kind: 'pc' })
        .where('id', '=', forgotten.machineId)
        .execute()
      assert.deepEqual(await told(), ['not_protected notice'], 'a PC may well hold no data')
      await forgotten.backUp('accounts')
      assert.deepEqual(await told(), [])
    },
  )
}
