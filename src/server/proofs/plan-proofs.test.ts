import assert from 'node:assert/strict'
import { test } from 'node:test'
import { proofSettingsSchema } from '#protocol'
import { addMachine, keepRepository } from '../../../test/helpers/own-repository.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { grantRepository } from '../repositories/own-repositories.ts'
import { dueProofs, proofRound } from './plan-proofs.ts'
import type { Provable } from './plan-proofs.ts'
import { nextPart, partsFor } from './reading-turn.ts'
import { usualSettings } from './settings.ts'

const day = 86_400_000
const now = Date.parse('2026-11-23T12:00:00Z')
const subject: Provable = { repositoryId: 'r', clientId: 'c', machineId: 'm', isKept: false, hasAgent: true }
const withTrial = proofSettingsSchema.parse({ trial: { everyDays: 90, where: 'machine' } })
const onMachine = proofSettingsSchema.parse({ testRestore: { where: 'machine' } })

function shown(about: Partial<Provable>, settings = usualSettings): string[] {
  return dueProofs({ ...subject, ...about }, settings, now).map(({ kind, by }) => `${kind} by ${by}`)
}

test('test restores are made by the server and by the machine in turn, and by one where the other cannot', () => {
  const byPeriod = [0, 7, 14, 21].map((days) =>
    dueProofs(subject, usualSettings, now + days * day).find(({ kind }) => kind === 'test-restore'),
  )
  assert.equal(new Set(byPeriod.map((due) => due?.onceKey)).size, 4)
  assert.deepEqual(new Set(byPeriod.slice(0, 2).map((due) => due?.by)), new Set(['server', 'machine']))
  assert.deepEqual(
    byPeriod.slice(0, 2).map((due) => due?.by),
    byPeriod.slice(2).map((due) => due?.by),
  )
  assert.deepEqual(shown({ hasAgent: false }, onMachine), ['check by server', 'test-restore by server'])
  assert.deepEqual(shown({ isKept: true }), ['test-restore by machine'])
  assert.deepEqual(shown({ isKept: true, hasAgent: false }, withTrial), [])
  assert.ok(shown({}, withTrial).includes('trial by machine'))
})

test('a period has one check, and repositories have theirs at different times of it', () => {
  const keyAt = (at: number, repositoryId = 'r') =>
    dueProofs({ ...subject, repositoryId }, usualSettings, at)[0]?.onceKey
  const changes = Array.from({ length: 48 }, (_, half) => keyAt(now + (half * day) / 48))
  assert.equal(new Set(changes).size, 2, 'in any 24 hours there is one change')
  const hours = new Set(
    Array.from({ length: 20 }, (_, index) => {
      const id = `repository ${index}`
      return Array.from({ length: 24 }, (__, hour) => keyAt(now + (hour * day) / 24, id)).findIndex(
        (key, _at, all) => key !== all[0],
      )
    }),
  )
  assert.ok(hours.size > 5)
})

test('whatever the settings, a turn ends within the time that everything is to be read in', () => {
  for (const everyHours of [1, 6, 24, 100, 168]) {
    for (const coverWithinDays of [1, 7, 30, 366]) {
      const parts = partsFor({ everyHours, coverWithinDays })
      const isPossible = everyHours <= coverWithinDays * 24
      if (isPossible) assert.ok(parts * everyHours <= coverWithinDays * 24, `${everyHours} ${coverWithinDays}`)
      const read = new Set<number>()
      let turn: Parameters<typeof nextPart>[0]
      for (let check = 0; check < parts; check++) {
        const { part } = nextPart(turn, parts)
        read.add(part)
        turn = { repositoryId: 'r', part, parts, turnBegunAt: 0, coveredSince: null, coveredAt: null }
      }
      assert.equal(read.size, parts)
      assert.equal(nextPart(turn, parts).part, 1)
      assert.deepEqual(nextPart(turn, parts + 1), { part: 1, parts: parts + 1 }, 'cut otherwise it begins anew')
    }
  }
})

for (const kind of storeKinds) {
  test(
    `${kind.name}: each proof is planned once, however often it is looked at, and never for what has no snapshot`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      const { services, clock } = server
      const { clientId, repositoryId, snapshotId, machine } = await keepRepository(server, { file: Buffer.from('x') })
      const empty = await addMachine(server, clientId)
      await grantRepository(services, { id: empty.id, clientId, name: 'empty' }, 'a password that is long enough')
      const look = async () => await proofRound.run(services, { signal: new AbortController().signal })
      const planned = async () => {
        const rows = await services.store.db.selectFrom('operations').selectAll().orderBy('kind').execute()
        return rows.map(({ id, kind: what, order, machineId, requestedBy }) => {
          assert.equal(requestedBy, 'schedule')
          const { repositoryId: about, snapshotId: which } = JSON.parse(order) as Record<string, string>
          assert.equal(about, repositoryId)
          if (what !== 'check') assert.equal(which, snapshotId)
          return { id, what, machineId }
        })
      }
      await Promise.all([look(), look(), look()])
      await look()
      const first = await planned()
      assert.deepEqual(
        first.map(({ what }) => what),
        ['check', 'test-restore'],
      )
      clock.pass(15 * day)
      await look()
      assert.equal((await planned()).length, 2, 'what has not ended is not planned again')
      for (const { id } of first) await services.operations.cancel(id)
      await services.store.db.updateTable('machines').set({ lastSeenAt: clock.now() }).execute()
      await look()
      assert.equal((await planned()).length, 4)
      const places = (await planned()).filter(({ what }) => what === 'test-restore').map(({ machineId }) => machineId)
      assert.ok(places.every((place) => place === null || place === machine.id))
    },
  )
}
