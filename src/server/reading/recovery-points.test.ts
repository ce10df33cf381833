import assert from 'node:assert/strict'
import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { RecoveryPoint } from '#protocol'
import { StoredMachine } from '../../../test/helpers/stored-machine.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'

const files = { 'bill.txt': Buffer.from('forty-two') }

interface Page {
  readonly recoveryPoints: readonly RecoveryPoint[]
  readonly next: string | null
}

async function list(server: TestServer, { client, machine }: StoredMachine, query = ''): Promise<Page> {
  const headers = await server.tokenOf(await server.person({ [client]: 'auditor' }))
  const { status, json } = await server.call('GET', `/api/machines/${machine}/snapshots${query}`, { headers })
  assert.equal(status, 200, JSON.stringify(json))
  return json as Page
}

for (const kind of storeKinds) {
  test(
    `${kind.name}: recovery points come by their receipt, whatever the machine claims, and page by page`,
    { skip: kind.skip },
    async () => {
      await using server = await TestServer.open(kind)
      const office = await StoredMachine.create(server)
      const claimed = ['2024-01-03T00:00:00Z', '2024-01-01T00:00:00Z', '2024-01-02T00:00:00.5Z']
      const ids: string[] = []
      for (const time of claimed) {
        server.clock.pass(1_000)
        ids.unshift(await office.backUp(files, { time }))
      }
      await office.note('signed', ids[1] as string)
      const { recoveryPoints, next } = await list(server, office, '?limit=2')
      assert.deepEqual(
        recoveryPoints.map(({ id, content, signed, stored }) => [id, content?.claimedAt, signed, stored]),
        [
          [ids[0], claimed[2], false, true],
          [ids[1], claimed[1], true, true],
        ],
      )
      assert.deepEqual(recoveryPoints[0]?.content?.paths, ['/test'])
      const second = await list(server, office, `?limit=2&after=${next}`)
      assert.deepEqual([second.recoveryPoints.map(({ id }) => id), second.next], [[ids[2]], null])
    },
  )
}

test('what is suspicious is said: never received, removed and back, from the future, unusual, during an attack', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const now = new Date(server.clock.now()).toISOString()
  const plain = await office.backUp(files, { time: now })
  const removed = await office.backUp(files, { time: '2024-01-01T00:00:00Z' })
  await office.note('removed', removed)
  const invented = await office.backUp(files, { time: '2024-01-02T00:00:00Z', isSent: false })
  server.clock.pass(1_000)
  const unusual = await office.backUp(files, { time: '2024-01-04T00:00:00Z' })
  await office.note('suspect', unusual)
  const putBack = await office.backUp(files, { time: '2024-01-05T00:00:00Z' })
  for (const what of ['removed', 'putting-back', 'put-back'] as const) await office.note(what, putBack)
  server.clock.pass(1_000)
  const late = await office.backUp(files, { time: new Date(server.clock.now() + 3_600_000).toISOString() })
  server.clock.pass(1_000)
  const attack = { state: 'attacked', stateSince: server.clock.now() }
  await server.services.store.db.updateTable('clients').set(attack).execute()
  server.clock.pass(1_000)
  const during = await office.backUp(files, { time: '2024-01-03T00:00:00Z' })
  const { recoveryPoints } = await list(server, office)
  const found = Object.fromEntries(recoveryPoints.map(({ id, suspicions }) => [id, suspicions]))
  assert.deepEqual(found, {
    [plain]: [],
    [removed]: ['was removed'],
    [invented]: ['not received'],
    [unusual]: ['suspect'],
    [putBack]: [],
    [late]: ['from the future'],
    [during]: ['attacked'],
  })
})

test('one that is missing, one that is damaged, and a password that is kept: each is said, and hides no other', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  const ids: string[] = []
  for (const day of [1, 2, 3]) ids.push(await office.backUp(files, { time: `2024-01-0${day}T00:00:00Z` }))
  const [missing = '', damaged = '', good = ''] = ids
  rmSync(join(office.folder, 'snapshots', missing))
  chmodSync(join(office.folder, 'snapshots', damaged), 0o600)
  writeFileSync(join(office.folder, 'snapshots', damaged), 'nonsense, and long enough to be something sealed')
  const byId = new Map((await list(server, office)).recoveryPoints.map((point) => [point.id, point]))
  assert.deepEqual([byId.get(missing)?.stored, byId.get(missing)?.content], [false, null])
  assert.equal(byId.get(damaged)?.unreadable?.code, 'FILE_DAMAGED')
  assert.deepEqual(byId.get(good)?.content?.host, 'host')

  const kept = await StoredMachine.create(server, { keepsPassword: true })
  await kept.backUp(files)
  const [point] = (await list(server, kept)).recoveryPoints
  assert.deepEqual([point?.content, point?.unreadable?.code, point?.stored], [null, 'REPOSITORY_PASSWORD_KEPT', true])
})

test('a machine that has stored nothing has no recovery points; an unknown `after` is no page', async () => {
  await using server = await TestServer.open()
  const office = await StoredMachine.create(server)
  rmSync(office.folder, { recursive: true })
  assert.deepEqual(await list(server, office), { recoveryPoints: [], next: null })
  const headers = await server.tokenOf(await server.person({ [office.client]: 'owner' }))
  const { json } = await server.call('GET', `/api/machines/${office.machine}/snapshots?after=x`, { headers })
  assert.equal((json as { code: string }).code, 'NOT_FOUND')
  assert.deepEqual(
    readdirSync(join(office.folder, '..')).filter((name) => !name.startsWith('.')),
    [],
  )
})
