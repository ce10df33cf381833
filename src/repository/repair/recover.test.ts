import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestRepository } from '../../../test/helpers/build-repository.ts'
import { JumpingClock } from '../../../test/helpers/jumping-clock.ts'
import { randomFrom } from '../../../test/helpers/seed.ts'
import { checkRepository } from '../check/check.ts'
import { loadTree } from '../load-blob.ts'
import { loadIndex } from '../load-index.ts'
import { lockRepository } from '../lock.ts'
import { prune } from '../prune/prune.ts'
import { deleteSnapshot, loadSnapshots } from '../snapshots.ts'
import { executeRecovery, planRecovery } from './recover.ts'
import type { RecoveryPlan } from './recover.ts'

const built = await TestRepository.create()
const { backend, repository } = built
const random = randomFrom(61)
const shared = { 'a/shared': random.bytes(20_000) }
const lost = await built.snapshot({ ...shared, 'b/lost': random.bytes(30_000) })
await built.snapshot({ ...shared, 'c/kept': random.bytes(30_000) })
const whole = backend.keep()
const wholeBlobs = await built.provenBlobs()
const { tree: lostTree } = (await loadSnapshots(repository)).find(({ id }) => id === lost) as { tree: Buffer }
const who = { time: '2026-03-03T00:00:00Z', hostname: 'here', username: 'ann', uid: 1, gid: 2 }

async function recover(): Promise<RecoveryPlan> {
  const clock = new JumpingClock()
  await using lock = await lockRepository(repository, { exclusive: true, clock })
  const plan = await planRecovery(repository, { clock })
  if (plan.roots.length > 0) await executeRecovery(plan, { lock, snapshot: who })
  return plan
}

async function assertRecovered(): Promise<void> {
  const made = (await loadSnapshots(repository)).find(({ tags }) => tags.includes('recovered'))
  assert.deepEqual([made?.paths, made?.hostname, made?.time], [['/recover'], 'here', who.time])
  const [node, ...others] = await loadTree(await loadIndex(repository), made?.tree as Buffer)
  assert.deepEqual([node?.subtree, String(node?.name), others], [lostTree, lostTree.toString('hex', 0, 4), []])
  const proven = await built.provenBlobs()
  for (const id of wholeBlobs) assert.ok(proven.has(id))
  const { problems } = await checkRepository(repository, { threads: 1, readData: true, clock: new JumpingClock() })
  assert.deepEqual(problems, [])
}

test('where every tree belongs to a snapshot there is nothing to recover, and nothing is changed', async () => {
  backend.bringBack(whole)
  assert.deepEqual((await recover()).roots, [])
  assert.equal(backend.changes, 2, 'the lock, and its end')
})

test('a snapshot that was forgotten comes back as a folder', async () => {
  backend.bringBack(whole)
  await deleteSnapshot(repository, lost)
  await recover()
  await assertRecovered()
  assert.deepEqual((await recover()).roots, [])
})

test('and also when a prune has taken its packs out of use, until they are deleted', async () => {
  backend.bringBack(whole)
  await deleteSnapshot(repository, lost)
  await prune(repository, { threads: 1, packSize: 64 << 10, maxUnused: { bytes: 0 }, clock: new JumpingClock() })
  await recover()
  await assertRecovered()
})

test('and when the index is gone with it', async () => {
  backend.bringBack(whole)
  await deleteSnapshot(repository, lost)
  for (const name of backend.names('index')) backend.files.delete(`index/${name}`)
  await recover()
  await assertRecovered()
})

test('killed at any change, the next one ends the work', async () => {
  backend.bringBack(whole)
  await deleteSnapshot(repository, lost)
  await prune(repository, { threads: 1, packSize: 64 << 10, maxUnused: { bytes: 0 }, clock: new JumpingClock() })
  const start = backend.keep()
  await recover()
  const { changes } = backend
  for (let diesAt = 1; diesAt < changes; diesAt++) {
    backend.bringBack(start)
    backend.diesAt = diesAt
    await recover().catch(() => undefined)
    backend.bringBack(new Map([...backend.keep()].filter(([key]) => !key.startsWith('lock/'))))
    const isDone = (await loadSnapshots(repository)).some(({ tags }) => tags.includes('recovered'))
    if (!isDone) await recover()
    const made = (await loadSnapshots(repository)).filter(({ tags }) => tags.includes('recovered'))
    assert.equal(made.length, 1, `killed at change ${diesAt}`)
    const proven = await built.provenBlobs()
    for (const id of wholeBlobs) assert.ok(proven.has(id))
  }
})
