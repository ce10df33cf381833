import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { FileRef } from '#backend'
import { hasCode } from '#base'
import { password } from '../../../test/helpers/build-repository.ts'
import { KeptRepository } from '../../../test/helpers/kept-repository.ts'
import { missing, peer } from '../../../test/helpers/peers.ts'
import { runOk } from '../../../test/helpers/run.ts'
import { storeKinds } from '../../../test/helpers/stores.ts'
import type { OwnStorage } from '../repositories/own-storage.ts'
import { planRetentionRuns } from './rounds.ts'

const hour = 3_600_000
const day = 24 * hour

async function statesOf({ services, id }: KeptRepository): Promise<string[]> {
  return [...(await services.ledger.snapshots(id)).values()].map(({ state }) => state)
}

for (const kind of storeKinds) {
  const { skip } = kind
  const about = (sentence: string) => `${kind.name}: ${sentence}`

  test(
    about('retention goes by the policy, by the time of receipt, into the quarantine, and the ledger says so'),
    { skip },
    async () => {
      await using kept = await KeptRepository.open(kind)
      await kept.policy({ daily: 8 })
      const ids: string[] = []
      for (let at = 0; at < 10; at++) {
        // A clock that is wrong by two days, to and fro, decides nothing.
        ids.push(await kept.backup({ claims: kept.server.clock.now() + (at % 2 === 0 ? 2 : -2) * day }))
        kept.server.clock.pass(day)
      }
      const outcome = await kept.run('retention')
      assert.equal(outcome.state, 'done', outcome.reason)
      assert.deepEqual(await kept.listed(), ids.slice(2).toSorted())
      assert.deepEqual((await statesOf(kept)).slice(0, 3), ['removed', 'removed', 'received'])
      const aside = await Array.fromAsync((await kept.services.storage.quarantine(kept.id)).list())
      const snapshots = aside.flatMap(({ file }) => (file.type === 'snapshot' ? [file.name] : []))
      assert.deepEqual(snapshots.toSorted(), ids.slice(0, 2).toSorted())
    },
  )

  test(
    about('retention is planned once a day and repository, and again an hour later when a backup was under way'),
    { skip },
    async () => {
      await using kept = await KeptRepository.open(kind)
      const { services, server } = kept
      const planned = async () => {
        await planRetentionRuns(services)
        const rows = services.store.db.selectFrom('operations').selectAll().where('kind', '=', 'retention')
        return await rows.execute()
      }
      server.clock.wall = Date.parse('2026-11-23T06:00:00Z')
      await kept.backup()
      assert.deepEqual(await planned(), [], 'a machine that follows no policy')
      await kept.policy({ daily: 3 })
      const [first, ...others] = [...(await planned()), ...(await planned()).slice(1)]
      assert.ok(first)
      assert.deepEqual(others, [])
      const met = { state: 'warnings', code: 'REPOSITORY_LOCKED' }
      await services.store.db.updateTable('operations').set(met).where('id', '=', first.id).execute()
      assert.equal((await planned()).length, 2)
      await services.store.db.updateTable('operations').set({ state: 'done', code: null }).execute()
      assert.equal((await planned()).length, 2, 'it was done')
      server.clock.pass(day)
      assert.equal((await planned()).length, 3)
      await services.store.db.updateTable('repositories').set({ held: 1 }).execute()
      server.clock.pass(day)
      assert.equal((await planned()).length, 3, 'it is held')
    },
  )

  test(
    about('a run that would remove much asks a person, once; what a person allows is done, and no more than that'),
    { skip },
    async () => {
      await using kept = await KeptRepository.open(kind)
      const { db } = kept.services.store
      await kept.policy({ last: 4 })
      const ids = await kept.dailyBackups(12)
      const stopped = await kept.run('retention')
      assert.deepEqual([stopped.state, stopped.code], ['warnings', 'RETENTION_STOPPED'])
      assert.match(stopped.reason ?? '', /8 of 12 snapshots/)
      assert.equal((await kept.run('retention')).code, 'RETENTION_STOPPED')
      assert.equal((await kept.listed()).length, 12)
      const [approval, ...more] = await db.selectFrom('approvals').selectAll().execute()
      assert.deepEqual([approval?.action, more.length], ['retention.run', 0])

      const owner = await kept.owner({ knownFor: 0 })
      await kept.backup()
      const allowed = await kept.server.call('POST', `/api/approvals/${approval?.id}/allow`, { headers: owner.session })
      assert.equal((allowed.json as { state: string }).state, 'done', allowed.text)
      const outcome = await kept.runWaiting('retention')
      assert.equal(outcome.state, 'done', outcome.reason)
      // One of those that stayed then would have gone by now: it was not what the person saw.
      assert.deepEqual((await kept.listed()).length, 5)
      assert.ok((await kept.listed()).includes(ids[8] as string))
    },
  )
}

test(
  'what retention and prune leave is whole for restic, which sees nothing of what was set aside',
  { skip: missing('restic') },
  async () => {
    await using kept = await KeptRepository.open()
    await kept.policy({ daily: 9 })
    await kept.dailyBackups(10, { bytes: 50_000 })
    assert.equal((await kept.run('retention')).state, 'done')
    // The packs wait first, and are set aside by the prune of the next day.
    kept.server.clock.pass(day)
    await kept.backup({ bytes: 50_000 })
    const second = await kept.run('retention')
    const { pruned } = (second.result ?? {}) as { readonly pruned?: { readonly packs: number } }
    assert.ok((pruned?.packs ?? 0) > 0, JSON.stringify(second))
    const env = { RESTIC_REPOSITORY: kept.folder, RESTIC_PASSWORD: password }
    await runOk(peer('restic'), ['check', '--read-data', '--no-cache'], { env })
    const listing = await runOk(peer('restic'), ['snapshots', '--json', '--no-cache'], { env })
    assert.equal((JSON.parse(listing) as unknown[]).length, 9)
  },
)

test('while the client may have been attacked nothing is removed, also by a run that is under way', async () => {
  await using kept = await KeptRepository.open()
  const { services } = kept
  await kept.policy({ daily: 9 })
  const ids = await kept.dailyBackups(11)
  // The state is entered when the ledger has been told already, and the first file is about to go.
  let removed = 0
  const storage = meddleWith(services.storage, async (file) => {
    if (file.type !== 'snapshot' || ++removed > 1) return
    await services.store.db.updateTable('clients').set({ state: 'attacked' }).execute()
  })
  const outcome = await kept.run('retention', {}, { ...services, storage })
  assert.deepEqual([outcome.state, outcome.code], ['cancelled', 'DELETION_STOPPED'])
  // Those that were on their way already are as many as the backend takes at once.
  const left = await kept.listed()
  assert.ok(left.length >= ids.length - 2)
  const there = [...(await services.ledger.received(kept.id)).keys()].toSorted()
  assert.deepEqual(there, left, 'the ledger says of each what is so')
  assert.equal((await kept.run('retention')).code, 'DELETION_STOPPED')
  assert.deepEqual(await kept.listed(), left)
})

test('a run that was killed between ledger and storage is no attack: the next one settles it and decides anew', async () => {
  await using kept = await KeptRepository.open()
  const { ledger, storage } = kept.services
  await kept.policy({ daily: 9 })
  const [first = '', second = ''] = await kept.dailyBackups(10)
  for (const snapshotId of [first, second]) {
    await ledger.write({ repositoryId: kept.id, what: 'removing', snapshotId, machineId: null })
  }
  await (await storage.backend(kept.id)).delete({ type: 'snapshot', name: first })
  const check = await kept.run('ledger-check')
  assert.deepEqual([check.state, check.reason], ['done', 'Ledger and storage agree.'])
  assert.equal((await kept.run('retention')).state, 'done')
  const states = await statesOf(kept)
  assert.deepEqual(states.slice(0, 3), ['removed', 'put-back', 'received'])
})

test('nothing is removed from a storage that hides a snapshot: a prune would remove what only that one needs', async () => {
  await using kept = await KeptRepository.open()
  await kept.policy({ daily: 9 })
  const ids = await kept.dailyBackups(12)
  rmSync(join(kept.folder, 'snapshots', ids[5] as string))
  const packs = packsIn(kept)
  await assert.rejects(kept.run('retention'), (error) => hasCode(error, 'LEDGER_DISAGREES'))
  assert.equal((await kept.listed()).length, 11)
  assert.deepEqual(packsIn(kept), packs)
})

test('a policy that keeps nothing, written past every check, removes nothing', async () => {
  await using kept = await KeptRepository.open()
  const id = await kept.policy({ daily: 9 })
  await kept.dailyBackups(3)
  const { db } = kept.services.store
  const { document } = await db.selectFrom('policies').select('document').where('id', '=', id).executeTakeFirstOrThrow()
  const emptied = JSON.stringify({ ...(JSON.parse(document) as object), keep: { daily: 0 } })
  await db.updateTable('policies').set({ document: emptied }).execute()
  await assert.rejects(kept.run('retention'), (error) => hasCode(error, 'POLICY_EMPTY'))
  assert.equal((await kept.listed()).length, 3)
})

test('a keep that was made shorter past the approvals removes nothing until a person says yes', async () => {
  await using kept = await KeptRepository.open()
  const id = await kept.policy({ daily: 9 })
  await kept.dailyBackups(9)
  assert.equal((await kept.run('retention')).state, 'done')
  const { db } = kept.services.store
  const { document } = await db.selectFrom('policies').select('document').where('id', '=', id).executeTakeFirstOrThrow()
  const shorter = JSON.stringify({ ...(JSON.parse(document) as object), keep: { daily: 8 } })
  await db.updateTable('policies').set({ document: shorter }).execute()
  const outcome = await kept.run('retention')
  assert.deepEqual([outcome.state, outcome.code], ['warnings', 'RETENTION_SHORTENED'])
  assert.equal((await kept.listed()).length, 9)
  const approval = await db.selectFrom('approvals').selectAll().executeTakeFirstOrThrow()
  const owner = await kept.owner({ knownFor: 0 })
  await kept.server.call('POST', `/api/approvals/${approval.id}/allow`, { headers: owner.session })
  assert.equal((await kept.run('retention')).state, 'done')
  assert.equal((await kept.listed()).length, 8)
})

test('a snapshot that was put back by hand into the storage is kept, and named', async () => {
  await using kept = await KeptRepository.open()
  await kept.policy({ daily: 9 })
  await kept.dailyBackups(10)
  const unknown = await kept.backup({ silent: true })
  await kept.services.store.db.deleteFrom('ledger').where('snapshotId', '=', unknown).execute()
  await kept.services.store.db
    .updateTable('chains')
    .set(await lastLink(kept))
    .where('name', '=', `ledger ${kept.id}`)
    .execute()
  const outcome = await kept.run('retention')
  assert.equal(outcome.state, 'warnings')
  assert.match(outcome.reason ?? '', /not received by the server/)
  assert.ok((await kept.listed()).includes(unknown))
})

test('a repository whose password the client keeps says that the server cannot thin it out', async () => {
  await using kept = await KeptRepository.open()
  await kept.policy({ daily: 1 })
  await kept.dailyBackups(3)
  await kept.services.store.db.updateTable('repositories').set({ sealedPassword: null }).execute()
  await assert.rejects(kept.run('retention'), (error) => hasCode(error, 'REPOSITORY_PASSWORD_KEPT'))
  await planRetentionRuns(kept.services)
  await assert.rejects(kept.runWaiting('retention'), /no retention waits/)
})

/** The same storage, with something that happens after each file that was deleted. */
function meddleWith(storage: OwnStorage, then: (file: FileRef) => Promise<void>): OwnStorage {
  const openBackend = async (id: string) => {
    const backend = await storage.backend(id)
    const remove = backend.delete.bind(backend)
    backend.delete = async (file, options) => {
      await remove(file, options)
      await then(file)
    }
    return backend
  }
  const get = (target: OwnStorage, name: keyof OwnStorage) => {
    if (name === 'backend') return openBackend
    return (target[name] as (...args: unknown[]) => unknown).bind(target)
  }
  return new Proxy(storage, { get: get as ProxyHandler<OwnStorage>['get'] & {} })
}

function packsIn({ folder }: KeptRepository): string[] {
  return readdirSync(join(folder, 'data'), { recursive: true }).map(String).toSorted()
}

async function lastLink({ services, id }: KeptRepository) {
  const entry = await services.store.db
    .selectFrom('ledger')
    .select(['seq', 'hash'])
    .where('repositoryId', '=', id)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
  return entry
}
