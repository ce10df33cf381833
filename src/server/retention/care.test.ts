import assert from 'node:assert/strict'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { hasCode } from '#base'
import { loadLocks } from '#repository'
import { password } from '../../../test/helpers/build-repository.ts'
import { KeptRepository } from '../../../test/helpers/kept-repository.ts'
import { missing, peer } from '../../../test/helpers/peers.ts'
import { runOk } from '../../../test/helpers/run.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import { lookAtApprovals } from '../approvals/carry-out.ts'
import { openOwnRepository } from '../repositories/open-repository.ts'
import { judgeRuns } from './judge-runs.ts'
import { clearOwnLocks } from './own-locks.ts'
import { planLedgerChecks, planPurges, planRetentionRuns } from './rounds.ts'

const hour = 3_600_000
const day = 24 * hour

interface Shown {
  readonly held: { readonly because: string } | null
  readonly softDeleted: { readonly bytes: number; readonly firstGoesAt: string | null } | null
  readonly snapshots: number | null
  readonly deletedAt: string | null
  readonly disagreements: readonly { readonly kind: string; readonly count: number; readonly foundAt: string }[]
}

async function show(kept: KeptRepository, headers: Readonly<Record<string, string>>): Promise<Shown> {
  return (await kept.server.call('GET', `/api/repositories/${kept.id}`, { headers })).json as Shown
}

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(
    about(
      'a run that changes many times the usual is marked suspect and holds its repository, until a person has looked',
    ),
    { skip },
    async () => {
      await using kept = await KeptRepository.open(kind)
      const { services, server } = kept
      await kept.policy({ daily: 8 })
      const owner = await kept.owner()
      await kept.dailyBackups(8)
      await judgeRuns(services)
      assert.equal((await show(kept, owner.token)).held, null)
      const suspect = await kept.backup({ report: { filesChanged: 900 } })
      await judgeRuns(services)
      await judgeRuns(services)
      const { held } = await show(kept, owner.token)
      assert.match(held?.because ?? '', /^A backup by "Files" was unusual\. .*900 files changed: 450 times the usual\./)
      const known = await services.ledger.snapshots(kept.id)
      assert.match(known.get(suspect)?.suspectBecause ?? '', /450 times/)
      await kept.dailyBackups(3)
      const outcome = await kept.run('retention')
      assert.deepEqual([outcome.state, outcome.code], ['cancelled', 'DELETION_STOPPED'])
      assert.match(outcome.reason ?? '', /it is held: A backup by "Files" was unusual/)
      await planRetentionRuns(services)
      await assert.rejects(kept.runWaiting('retention'), /no retention waits/)
      assert.equal((await kept.listed()).length, 12)

      const lifting = { headers: owner.token, body: { trust: true } }
      await server.call('POST', `/api/repositories/${kept.id}/lift`, lifting)
      await judgeRuns(services)
      assert.equal((await show(kept, owner.token)).held, null)
      assert.equal((await services.ledger.snapshots(kept.id)).get(suspect)?.suspectBecause, undefined)
    },
  )

  test(
    about('what was removed goes for good after its days, not a day before, and not while the repository is held'),
    { skip },
    async () => {
      await using kept = await KeptRepository.open(kind)
      const { services, server } = kept
      server.clock.wall = Date.parse('2026-11-01T12:00:00Z')
      await kept.policy({ daily: 9 })
      await kept.dailyBackups(10)
      await kept.run('retention')
      const owner = await kept.owner()
      const { softDeleted } = await show(kept, owner.token)
      assert.equal(softDeleted?.firstGoesAt, '2026-12-12T00:00:00.000Z')
      server.clock.wall = Date.parse('2026-12-11T23:00:00Z')
      await planPurges(services)
      await assert.rejects(kept.runWaiting('purge'), /no purge waits/)
      server.clock.pass(2 * hour)
      await planPurges(services)
      const holding = { headers: owner.token, body: { because: 'We look into something.' } }
      await server.call('POST', `/api/repositories/${kept.id}/hold`, holding)
      assert.equal((await kept.runWaiting('purge')).code, 'DELETION_STOPPED')
      await server.call('POST', `/api/repositories/${kept.id}/lift`, { headers: owner.token, body: {} })
      assert.equal((await kept.run('purge')).state, 'done')
      assert.deepEqual((await show(kept, owner.token)).softDeleted, { bytes: 0, firstGoesAt: null })
    },
  )

  test(
    about('a missing, a rolled-back and an invented snapshot are named, with since when, and evidence is kept'),
    { skip },
    async () => {
      await using kept = await KeptRepository.open(kind)
      const { services, server } = kept
      const ids = await kept.dailyBackups(5)
      const owner = await kept.owner()
      await planLedgerChecks(services)
      await planLedgerChecks(services)
      assert.equal((await kept.runWaiting('ledger-check')).state, 'done')
      await assert.rejects(kept.runWaiting('ledger-check'), /no ledger-check waits/)
      server.clock.pass(hour)
      const folder = join(kept.folder, 'snapshots')
      const middle = join(folder, ids[2] as string)
      renameSync(middle, join(kept.folder, 'hidden'))
      writeFileSync(join(folder, 'f'.repeat(64)), 'made up')
      const foundAt = new Date(server.clock.now()).toISOString()
      const found = await kept.run('ledger-check')
      assert.equal(found.code, 'LEDGER_DISAGREES')
      assert.match(
        found.reason ?? '',
        new RegExp(`missing \\(${ids[2]?.slice(0, 10)}\\).*never received them \\(ffffffffff\\)`),
      )
      server.clock.pass(day)
      await kept.run('ledger-check')
      const { disagreements } = await show(kept, owner.token)
      assert.deepEqual(disagreements, [
        { kind: 'missing', count: 1, foundAt },
        { kind: 'invented', count: 1, foundAt },
      ])
      renameSync(join(kept.folder, 'hidden'), middle)
      rmSync(join(folder, 'f'.repeat(64)))
      rmSync(join(folder, ids[4] as string))
      rmSync(join(folder, ids[3] as string))
      server.clock.pass(day)
      await kept.run('ledger-check')
      const rolledBack = (await show(kept, owner.token)).disagreements
      assert.deepEqual(
        rolledBack.map(({ kind: of, count }) => [of, count]),
        [['rolled_back', 2]],
      )
      const { db } = services.store
      const evidence = await db.selectFrom('evidence').select('kind').execute()
      assert.equal(evidence.length, 4)
      const sizes = await db
        .selectFrom('sizes')
        .select('bytes')
        .where('subject', '=', `repository:${kept.id}`)
        .execute()
      assert.equal(sizes.length, 4, 'and how large it was')
    },
  )
}

test(
  'a snapshot that was removed is put back with all that it needs, while its days last',
  { skip: missing('restic') },
  async () => {
    await using kept = await KeptRepository.open()
    const { server } = kept
    await kept.policy({ daily: 9 })
    const ids = await kept.dailyBackups(10, { bytes: 50_000 })
    await kept.run('retention')
    await kept.backup({ bytes: 50_000 })
    server.clock.pass(day)
    await kept.backup({ bytes: 50_000 })
    await kept.run('retention')
    const [gone = ''] = ids
    assert.ok(!(await kept.listed()).includes(gone))
    const owner = await kept.owner()
    const order = { headers: owner.token, body: { snapshot: gone } }
    await server.call('POST', `/api/repositories/${kept.id}/put-back`, order)
    const outcome = await kept.runWaiting('put-back')
    assert.equal(outcome.state, 'done', outcome.reason)
    const known = (await kept.services.ledger.snapshots(kept.id)).get(gone)
    assert.equal(known?.state, 'put-back')
    assert.equal((await kept.run('ledger-check')).state, 'done')
    const env = { RESTIC_REPOSITORY: kept.folder, RESTIC_PASSWORD: password }
    await runOk(peer('restic'), ['check', '--read-data', '--no-cache'], { env })
    const listing = JSON.parse(await runOk(peer('restic'), ['snapshots', '--json', '--no-cache'], { env })) as {
      id: string
    }[]
    assert.ok(listing.some(({ id }) => id === gone))
    assert.equal((await kept.run('retention')).state, 'done')
    assert.ok((await kept.listed()).includes(gone), 'it was wanted: the next night takes it not again')
    assert.equal(
      (await kept.run('put-back', { snapshot: gone })).state,
      'done',
      'asked again after its answer was lost',
    )
    await assert.rejects(kept.run('put-back', { snapshot: 'a'.repeat(64) }), (error) => hasCode(error, 'NOT_SET_ASIDE'))
  },
)

test('a deleted machine’s repository is set aside, can be put back, and goes for good with its machine after its days', async () => {
  await using kept = await KeptRepository.open()
  const { services, server } = kept
  const ids = await kept.dailyBackups(3)
  const owner = await kept.owner()
  const deleteMachine = async () => {
    await server.call('DELETE', `/api/machines/${kept.machine}`, { headers: owner.token })
    server.clock.pass(73 * hour)
    await lookAtApprovals(services)
    return await kept.runWaiting('delete-repository')
  }
  assert.equal((await deleteMachine()).state, 'done')
  assert.deepEqual(await kept.listed(), [])
  assert.ok(!existsSync(join(kept.folder, 'config')))
  assert.notEqual((await show(kept, owner.token)).deletedAt, null)
  assert.equal((await kept.run('put-back')).state, 'done')
  assert.deepEqual(await kept.listed(), ids.toSorted())
  assert.equal((await kept.run('ledger-check')).state, 'done')

  assert.equal((await deleteMachine()).state, 'done')
  server.clock.pass(32 * day)
  await planPurges(services)
  assert.equal((await kept.runWaiting('purge')).state, 'done')
  const { db } = services.store
  assert.deepEqual(await db.selectFrom('repositories').selectAll().execute(), [])
  assert.deepEqual(await db.selectFrom('machines').selectAll().execute(), [])
  assert.equal((await services.ledger.verify(kept.id)).fault, undefined, 'the ledger outlives it')
})

test('a put-back that was cut off at its last step loses no password to a purge: the repository stays known', async () => {
  await using kept = await KeptRepository.open()
  const { services, server } = kept
  await kept.dailyBackups(2)
  const owner = await kept.owner()
  await server.call('DELETE', `/api/machines/${kept.machine}`, { headers: owner.token })
  server.clock.pass(73 * hour)
  await lookAtApprovals(services)
  await kept.runWaiting('delete-repository')
  // Everything is back, and that it is was not noted any more.
  const quarantine = await services.storage.quarantine(kept.id)
  await quarantine.putBack(await Array.fromAsync(quarantine.list()))
  assert.equal((await kept.run('purge')).state, 'done')
  const { db } = services.store
  const row = await db.selectFrom('repositories').select('sealedPassword').where('id', '=', kept.id).executeTakeFirst()
  assert.equal(typeof row?.sealedPassword, 'string')
  assert.equal((await kept.listed()).length, 2)
})

test('what was set aside goes sooner when that was allowed, up to the day on which it was asked for', async () => {
  await using kept = await KeptRepository.open()
  const { services, server } = kept
  await kept.policy({ daily: 9 })
  await kept.dailyBackups(10)
  await kept.run('retention')
  const owner = await kept.owner()
  await server.call('POST', `/api/repositories/${kept.id}/empty`, { headers: owner.token })
  server.clock.pass(2 * day)
  await kept.backup()
  await kept.run('retention')
  server.clock.pass(2 * day)
  await lookAtApprovals(services)
  assert.equal((await kept.runWaiting('purge')).state, 'done')
  const left = await Array.fromAsync((await services.storage.quarantine(kept.id)).list())
  assert.ok(left.length > 0, 'what was removed since then was not meant')
  assert.ok(left.every(({ day: on }) => Date.parse(on) > server.clock.now() - 3 * day))
})

test('nothing is purged by a clock that the machines contradict', async () => {
  await using kept = await KeptRepository.open()
  const { services, server } = kept
  await kept.policy({ daily: 9 })
  await kept.dailyBackups(10)
  await kept.run('retention')
  server.clock.suspend(365 * day)
  const heard = { publicKey: 'k', lastSeenAt: server.clock.now(), clockAheadMs: -365 * day }
  await services.store.db.updateTable('machines').set(heard).execute()
  const outcome = await kept.run('purge')
  assert.deepEqual([outcome.state, outcome.code], ['cancelled', 'CLOCK_DOUBTED'])
  await services.store.db.updateTable('machines').set({ clockAheadMs: 0 }).execute()
  assert.equal((await kept.run('purge')).state, 'done')
})

test('by a clock that the machines contradict nothing is thinned out, and people are told whose clock is wrong', async () => {
  for (const wrong of [3 * 365 * day, -2 * 365 * day]) {
    await using kept = await KeptRepository.open()
    const { services, server } = kept
    await kept.policy({ daily: 9 })
    await kept.dailyBackups(10)
    const before = await kept.listed()
    server.clock.suspend(wrong)
    const heard = { publicKey: 'k', lastSeenAt: server.clock.now(), clockAheadMs: -wrong }
    await services.store.db.updateTable('machines').set(heard).execute()
    const outcome = await kept.run('retention')
    assert.deepEqual([outcome.state, outcome.code], ['cancelled', 'CLOCK_DOUBTED'])
    assert.deepEqual(await kept.listed(), before)
    await services.alerting.cycle(services)
    const { state } = await services.alerting.store.load()
    const { condition } = state.open['clock_wrong/server/server'] ?? {}
    assert.deepEqual([condition?.severity, condition?.facts], ['critical', { ahead: wrong, than: 'machines' }])
    // The clock is right again.
    server.clock.suspend(-wrong)
    await services.store.db.updateTable('machines').set({ lastSeenAt: server.clock.now(), clockAheadMs: 0 }).execute()
    assert.equal((await kept.run('retention')).state, 'done')
    assert.equal((await kept.listed()).length, before.length - 1)
  }
})

test('another config in the storage is a storage that was set back', async () => {
  await using kept = await KeptRepository.open()
  await kept.dailyBackups(2)
  await kept.run('ledger-check')
  const config = join(kept.folder, 'config')
  const bytes = readFileSync(config)
  rmSync(config, { force: true })
  writeFileSync(config, Buffer.concat([bytes, Buffer.from('x')]))
  const outcome = await kept.run('ledger-check')
  assert.match(outcome.reason ?? '', /the config is another than before/)
})

test('a server that starts removes the locks that it left, and no one else’s', async () => {
  await using kept = await KeptRepository.open()
  const { services, server } = kept
  const repository = await openOwnRepository(services, kept.id)
  const now = server.clock.now()
  await kept.lock({ hostname: hostname(), pid: process.pid, time: now - 60_000 })
  await kept.lock({ hostname: hostname(), pid: 2 ** 22 - 3, time: now - 60_000 })
  const held = await kept.lock({ hostname: hostname(), pid: process.pid, time: now + 1_000 })
  const foreign = await kept.lock({ hostname: 'another', pid: process.pid, time: now - 60_000 })
  await clearOwnLocks(services, { before: now })
  const left = (await loadLocks(repository)).map(({ name }) => name)
  assert.deepEqual(left.toSorted(), [held, foreign].toSorted())
})
