import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JumpingClock } from '../../../test/helpers/jumping-clock.ts'
import { TestRepository } from '../../../test/helpers/build-repository.ts'
import type { RepositoryState, TestFiles } from '../../../test/helpers/build-repository.ts'
import { randomFrom } from '../../../test/helpers/seed.ts'
import { loadIndex } from '../load-index.ts'
import { lockRepository } from '../lock.ts'
import { prune } from './prune.ts'
import type { PruneOptions } from './prune.ts'
import { unusedAllowed, parseSize, parseUnusedLimit } from './options.ts'
import { deleteSnapshot } from '../snapshots.ts'
import { verifyUsedBlobs } from '../used-blobs.ts'

const hour = 3_600_000
const built = await TestRepository.create()
const { backend, repository } = built
const { state: twoSnapshots, old, kept } = await buildTwoSnapshots()

/** Two snapshots that share some files; forgetting the old one leaves packs that are used, partly used and unused. */
async function buildTwoSnapshots(): Promise<{ state: RepositoryState; old: string; kept: string }> {
  const random = randomFrom(7)
  const files = (prefix: string, count: number): TestFiles =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`${prefix}/folder ${i % 3}/${i}`, random.bytes(20_000 + i * 100)]),
    )
  const shared = files('shared', 6)
  const first = await built.snapshot({ ...files('old', 20), ...shared })
  const second = await built.snapshot({ ...shared, ...files('new', 6) })
  return { state: backend.keep(), old: first, kept: second }
}

async function forgetOld(): Promise<void> {
  backend.bringBack(twoSnapshots)
  await deleteSnapshot(repository, old)
}

const noUnused = { maxUnused: { bytes: 0 } } as const

async function pruneAt(clock: JumpingClock, options: Partial<PruneOptions> = {}) {
  return await prune(repository, { threads: 1, packSize: 64 << 10, ...noUnused, clock, ...options })
}

test('what is dropped waits, and a later prune deletes it; no snapshot misses a blob at any time', async () => {
  await forgetOld()
  const needed = await built.provenBlobs()
  const before = backend.names('pack')
  const clock = new JumpingClock()
  const first = await pruneAt(clock)
  assert.ok(first.plan.stats.packs.byFate.drop > 0 && first.plan.stats.packs.byFate.repack > 0)
  assert.ok(
    before.every((name) => backend.names('pack').includes(name)),
    'nothing is deleted in the first phase',
  )
  assert.deepEqual(await built.provenBlobs(), needed)

  await clock.sleep(22 * hour)
  const early = await pruneAt(clock)
  assert.equal(early.result?.deletedPacks, 0)
  assert.equal(early.plan.stats.packs.byFate.wait, first.result?.markedPacks)

  await clock.sleep(2 * hour)
  const late = await pruneAt(clock)
  assert.equal(late.result?.deletedPacks, first.result?.markedPacks)
  assert.deepEqual(await built.provenBlobs(), needed)

  const state = backend.names('index')
  const last = await pruneAt(clock)
  assert.equal(last.plan.stats.packs.byFate.keep, last.plan.packs.length)
  assert.equal(last.plan.stats.unused.blobs, 0)
  assert.deepEqual(backend.names('index'), state, 'there is nothing left to do')
})

test('without a wait everything goes at once', async () => {
  await forgetOld()
  const needed = await built.provenBlobs()
  const { plan, result } = await pruneAt(new JumpingClock(), { keepDeleted: 0 })
  assert.equal(result?.deletedPacks, plan.stats.packs.byFate.drop + plan.stats.packs.byFate.repack)
  assert.deepEqual(await built.provenBlobs(), needed)
  const { plan: after } = await pruneAt(new JumpingClock(), { keepDeleted: 0, dryRun: true })
  assert.equal(after.stats.packs.byFate.keep, after.packs.length)
})

test('a dry run changes nothing, and shows the plan that is then carried out', async () => {
  await forgetOld()
  const before = [...backend.files.keys()].toSorted()
  const { plan, result } = await pruneAt(new JumpingClock(), { dryRun: true })
  assert.equal(result, undefined)
  assert.deepEqual([...backend.files.keys()].toSorted(), before)
  const done = await pruneAt(new JumpingClock())
  assert.deepEqual(done.plan.stats, plan.stats)
})

test('a dry run can tell beforehand what forgetting snapshots would free', async () => {
  backend.bringBack(twoSnapshots)
  const before = [...backend.files.keys()].toSorted()
  const without = new Set([old])
  const { plan, result } = await pruneAt(new JumpingClock(), { without })
  assert.equal(result, undefined)
  assert.deepEqual([...backend.files.keys()].toSorted(), before)
  await forgetOld()
  const done = await pruneAt(new JumpingClock(), { dryRun: true })
  assert.ok(plan.stats.unused.blobs > 0)
  assert.deepEqual(plan.stats, done.plan.stats)
})

test('killed at any change, it loses nothing, and the next prune ends where it would have ended', async () => {
  await forgetOld()
  const needed = await built.provenBlobs()
  const start = backend.keep()
  await pruneAt(new JumpingClock(), { keepDeleted: 0 })
  const changes = backend.changes
  assert.ok(changes > 8)
  for (let diesAt = 1; diesAt <= changes; diesAt++) {
    backend.bringBack(start)
    backend.diesAt = diesAt
    await pruneAt(new JumpingClock(), { keepDeleted: 0 }).catch(() => undefined)
    const left = new Map([...backend.keep()].filter(([key]) => !key.startsWith('lock/')))
    backend.bringBack(left)
    assert.deepEqual(await built.provenBlobs(), needed, `after dying at change ${diesAt}`)
    await pruneAt(new JumpingClock(), { keepDeleted: 0 })
    assert.deepEqual(await built.provenBlobs(), needed, `after the prune that followed change ${diesAt}`)
    const { plan } = await pruneAt(new JumpingClock(), { keepDeleted: 0, dryRun: true })
    assert.equal(plan.stats.packs.byFate.keep, plan.packs.length, `change ${diesAt} leaves something over`)
  }
})

test('a snapshot that a listing did not show brings its packs back', async () => {
  await forgetOld()
  const clock = new JumpingClock()
  await pruneAt(clock)
  const hidden = twoSnapshots.get(`snapshot/${old}`) as Buffer
  await backend.write({ type: 'snapshot', name: old }, hidden)
  await clock.sleep(24 * hour)
  const { plan } = await pruneAt(clock)
  assert.ok(plan.stats.packs.byFate.undelete > 0)
  assert.ok((await built.provenBlobs()).size > 0)
  const indexed = await built.load()
  assert.equal(indexed.index.size > 0, true)
  await pruneAt(clock)
  assert.ok((await built.provenBlobs()).size > 0)
})

test('a backup that counts on blobs of marked packs names them in an index again', async () => {
  backend.bringBack(twoSnapshots)
  const running = await loadIndex(repository)
  for (let entry = 0; entry < running.index.size; entry++) {
    running.index.use(running.index.typeOf(entry), running.index.idOf(entry))
  }
  await deleteSnapshot(repository, old)
  await pruneAt(new JumpingClock())
  await verifyUsedBlobs(running, new Set())
  const now = await built.load()
  for (let entry = 0; entry < running.index.size; entry++) {
    assert.ok(now.index.find(running.index.typeOf(entry), running.index.idOf(entry)) >= 0)
  }
  const root = running.index.find('tree', Buffer.from((await rootOf(twoSnapshots, old)).tree))
  assert.ok(root >= 0)
})

test('a backup that counts on blobs that are gone makes no snapshot', async () => {
  backend.bringBack(twoSnapshots)
  const running = await loadIndex(repository)
  for (let entry = 0; entry < running.index.size; entry++) {
    running.index.use(running.index.typeOf(entry), running.index.idOf(entry))
  }
  await deleteSnapshot(repository, old)
  await pruneAt(new JumpingClock(), { keepDeleted: 0 })
  await assert.rejects(verifyUsedBlobs(running, new Set()), { code: 'BLOBS_REMOVED' })
})

test('an orphaned pack waits from the moment that it was first seen', async () => {
  backend.bringBack(twoSnapshots)
  for (const name of backend.names('snapshot')) await deleteSnapshot(repository, name)
  for (const name of backend.names('index')) await backend.delete({ type: 'index', name })
  const orphans = backend.names('pack').length
  const clock = new JumpingClock()
  const first = await pruneAt(clock)
  assert.equal(first.result?.markedPacks, orphans)
  await clock.sleep(24 * hour)
  const second = await pruneAt(clock)
  assert.equal(second.result?.deletedPacks, orphans)
  assert.deepEqual([backend.names('pack'), backend.names('index')], [[], []])
})

test('a mark from the future counts as fresh, and does not wait until then', async () => {
  await forgetOld()
  const future = new JumpingClock(Date.UTC(2040, 0, 1))
  const { result } = await pruneAt(future)
  const clock = new JumpingClock(Date.UTC(2026, 0, 1))
  assert.equal((await pruneAt(clock)).result?.deletedPacks, 0)
  await clock.sleep(24 * hour)
  assert.equal((await pruneAt(clock)).result?.deletedPacks, result?.markedPacks)
})

test('it refuses to touch anything when a needed pack, an index, or a snapshot is missing or damaged', async (t) => {
  const refusing: [string, string, () => void][] = [
    ['a needed pack is missing', 'PACKS_MISSING', () => backend.files.delete(`pack/${neededPack}`)],
    ['a needed pack is cut short', 'PACKS_MISSING', () => shorten(`pack/${neededPack}`)],
    ['an index is missing', 'BLOBS_MISSING', () => backend.files.delete(`index/${backend.names('index')[0]}`)],
    ['an index is damaged', 'FILE_DAMAGED', () => flip(`index/${backend.names('index')[0]}`)],
    ['a snapshot is damaged', 'FILE_DAMAGED', () => flip(`snapshot/${kept}`)],
  ]
  await forgetOld()
  const { plan } = await pruneAt(new JumpingClock(), { dryRun: true })
  const neededPack = plan.packs.find(({ fate, use }) => fate === 'keep' || (use?.usedBlobs ?? 0) > 0)?.name as string
  for (const [what, code, damage] of refusing) {
    await t.test(what, async () => {
      await forgetOld()
      damage()
      const before = [...backend.files.keys()]
      await assert.rejects(pruneAt(new JumpingClock(), { keepDeleted: 0 }), { code })
      assert.deepEqual([...backend.files.keys()], before)
    })
  }
})

test('a pack that is gone and that nothing needs is forgotten', async () => {
  await forgetOld()
  const { plan } = await pruneAt(new JumpingClock(), { dryRun: true })
  const unused = plan.packs.find(({ fate }) => fate === 'drop')?.name as string
  backend.files.delete(`pack/${unused}`)
  const needed = await built.provenBlobs()
  const again = await pruneAt(new JumpingClock(), { keepDeleted: 0 })
  assert.equal(again.plan.packs.find(({ name }) => name === unused)?.fate, 'forget')
  assert.deepEqual(await built.provenBlobs(), needed)
  assert.equal((await pruneAt(new JumpingClock(), { dryRun: true })).plan.stats.packs.byFate.forget, 0)
})

test('when a snapshot appears while it runs, it deletes nothing more', async () => {
  await forgetOld()
  const hidden = twoSnapshots.get(`snapshot/${old}`) as Buffer
  backend.onChange = (_, { type }) => {
    if (type === 'pack') backend.files.set(`snapshot/${old}`, hidden)
  }
  await assert.rejects(pruneAt(new JumpingClock(), { keepDeleted: 0 }), { code: 'PLAN_OUTDATED' })
  backend.onChange = undefined
  assert.equal((await built.provenBlobs()).size > 0, true)
})

test('when the lock is lost, it deletes nothing more', async () => {
  await forgetOld()
  const packs = backend.names('pack')
  backend.onChange = (_, { type }) => {
    if (type === 'pack') for (const name of backend.names('lock')) backend.files.delete(`lock/${name}`)
  }
  await assert.rejects(pruneAt(new JumpingClock(), { keepDeleted: 0 }), { code: 'LOCK_LOST' })
  assert.ok(packs.every((name) => backend.names('pack').includes(name)))
})

test('two prunes at once: whoever does not get the lock is told so, and nothing is lost', async () => {
  await forgetOld()
  const needed = await built.provenBlobs()
  const options = { keepDeleted: 0, clock: new JumpingClock() }
  const outcomes = await Promise.allSettled([pruneAt(options.clock, options), pruneAt(options.clock, options)])
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  assert.ok(refused.length > 0)
  for (const { reason } of refused) assert.equal((reason as { code: string }).code, 'REPOSITORY_LOCKED')
  assert.deepEqual(await built.provenBlobs(), needed)
  assert.equal(backend.names('lock').length, 0)
})

test('while a backup holds its lock, a prune does not begin', async () => {
  await forgetOld()
  await using _ = await lockRepository(repository, { clock: new JumpingClock() })
  await assert.rejects(pruneAt(new JumpingClock()), { code: 'REPOSITORY_LOCKED' })
})

test('of two copies of a blob the damaged one never is what is left, whichever it is', async (t) => {
  const random = randomFrom(3)
  const [wanted, dropped, other] = [random.bytes(30_000), random.bytes(30_000), random.bytes(20_000)]
  backend.bringBack(new Map([...twoSnapshots].filter(([key]) => /^(config|key)\//.test(key))))
  const gone = await built.snapshot({ wanted, dropped })
  await built.snapshot({ wanted, other }, { again: true })
  await deleteSnapshot(repository, gone)
  const start = backend.keep()
  const needed = await built.provenBlobs()
  const id = Buffer.alloc(32)
  repository.codec.primitives.hasher.sha256(wanted, id)
  const { index } = await built.load()
  const copies = index.findAll('data', id).map((entry) => index.placeOf(entry))
  assert.equal(copies.length, 2)
  for (const [i, { pack, offset }] of copies.entries()) {
    for (const limits of [noUnused, { maxUnused: 'unlimited' }] as const) {
      await t.test(`copy ${i} is damaged, ${JSON.stringify(limits)}`, async () => {
        backend.bringBack(start)
        flip(`pack/${pack}`, offset + 20)
        await pruneAt(new JumpingClock(), { keepDeleted: 0, ...limits })
        assert.deepEqual(await built.provenBlobs(), needed)
      })
    }
  }
})

test('a needed blob whose every copy is damaged ends the prune before anything is removed', async () => {
  await forgetOld()
  const { plan } = await pruneAt(new JumpingClock(), { dryRun: true })
  const [first] = plan.toCopy
  const place = plan.view.repository.index.placeOf(first as number)
  flip(`pack/${place.pack}`, place.offset + 20)
  const packs = backend.names('pack')
  await assert.rejects(pruneAt(new JumpingClock(), { keepDeleted: 0 }), { code: 'BLOB_DAMAGED' })
  assert.ok(packs.every((name) => backend.names('pack').includes(name)))
})

test('with no room for new packs it still drops what is wholly unused', async () => {
  await forgetOld()
  const needed = await built.provenBlobs()
  for (const limits of [{ maxRepackBytes: 0 }, { unsafeRecoverNoFreeSpace: true }]) {
    await forgetOld()
    const { plan, result } = await pruneAt(new JumpingClock(), { keepDeleted: 0, ...limits })
    assert.equal(plan.stats.packs.byFate.repack, 0)
    assert.ok((result?.deletedPacks ?? 0) > 0)
    assert.deepEqual(await built.provenBlobs(), needed)
  }
})

test('limits are read as restic reads them', () => {
  assert.deepEqual(parseUnusedLimit('5%'), { percent: 5 })
  assert.deepEqual(parseUnusedLimit('1.5%'), { percent: 1.5 })
  assert.deepEqual(parseUnusedLimit('200M'), { bytes: 200 << 20 })
  assert.equal(parseUnusedLimit('unlimited'), 'unlimited')
  assert.equal(unusedAllowed({ percent: 5 }, 950), 50)
  assert.equal(unusedAllowed('unlimited', 1), Infinity)
  assert.deepEqual(['10', '3k', '2M', '1t'].map(parseSize), [10, 3072, 2 ** 21, 2 ** 40])
  for (const wrong of ['1.5g', 'x']) assert.throws(() => parseSize(wrong), { code: 'OPTION_INVALID' }, wrong)
  for (const wrong of ['', '%', '100%', '-1%', 'many', '1.5M', '9'.repeat(30)]) {
    assert.throws(() => parseUnusedLimit(wrong), { code: 'OPTION_INVALID' }, wrong)
  }
})

async function rootOf(state: RepositoryState, id: string) {
  backend.bringBack(state)
  const { loadSnapshot } = await import('../snapshots.ts')
  return await loadSnapshot(repository, id)
}

function flip(key: string, at = 40): void {
  const bytes = Buffer.from(backend.files.get(key) as Buffer)
  bytes[at] = (bytes[at] as number) ^ 1
  backend.files.set(key, bytes)
}

function shorten(key: string): void {
  backend.files.set(key, (backend.files.get(key) as Buffer).subarray(0, -1))
}
