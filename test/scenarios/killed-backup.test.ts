import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import type { DriverOrder, Moment } from '../helpers/backup-driver.ts'
import { makeTree } from '../helpers/make-tree.ts'
import { missing } from '../helpers/peers.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'

/** A backup is killed at named moments and at random ones (A1 to A5 of the failure cases). */

const skip = missing('restic')
const seed = testSeed()
const random = randomFrom(seed)

async function openScene(): Promise<Scene> {
  const scene = await Scene.open()
  makeTree(scene.source, { seed, files: 10, biggest: 100_000, depth: 3 })
  await scene.init()
  return scene
}

/** Some 9 MB of new content: two or three packs. */
function changeSource(scene: Scene): void {
  for (let i = 0; i < 3; i++) writeFileSync(`${scene.source}/changing ${i}`, random.bytes(3_000_000))
}

/** What must hold after a kill: nothing wrong, no false snapshot, and the next run works and is whole. */
async function assertSurvived(scene: Scene, known: Set<string>): Promise<{ readonly dataBlobs: number }> {
  await scene.restic('check', '--no-lock')
  const next = await scene.backUp()
  assert.deepEqual([next.error, next.killed], [undefined, false])
  // Trees are named for their content: the same tree is the same files.
  const made = (await scene.snapshots()).filter(({ id }) => !known.has(id))
  assert.ok(made.some(({ id }) => id === next.snapshot) && made.length <= 2)
  assert.equal(new Set(made.map(({ tree }) => tree)).size, 1)
  for (const { id } of made) known.add(id)
  return { dataBlobs: next.dataBlobs ?? 0 }
}

interface Kill {
  readonly at: Moment
  readonly order?: Partial<DriverOrder>
  /** The run before left all its blobs in an index. */
  readonly reuses?: boolean
}

const moments = (on: Moment['on'], type: Moment['type'], calls: readonly number[], when: readonly Moment['when'][]) =>
  calls.flatMap((call) => when.map((one): Moment => ({ on, type, call, when: one })))

/** The lock is refreshed every second: its clock goes a thousand times faster, and packs take their time. */
const refreshing = { speed: 1_000, slow: 1_500 }

const kills: Readonly<Record<string, readonly Kill[]>> = {
  'while packs are written': [
    ...moments('write', 'pack', [1], ['before', 'during']),
    ...moments('write', 'pack', [3], ['during', 'after']),
  ].map((at) => ({ at })),
  'around the index': [
    ...moments('write', 'index', [1], ['before', 'during']).map((at) => ({ at })),
    ...moments('write', 'index', [1], ['after']).map((at) => ({ at, reuses: true })),
  ],
  'around the snapshot': moments('write', 'snapshot', [1], ['before', 'during', 'after']).map((at) => ({
    at,
    reuses: true,
  })),
  'while the lock is made or given back': [
    ...moments('write', 'lock', [1], ['during', 'after']).map((at) => ({ at })),
    ...moments('delete', 'lock', [1], ['before', 'after']).map((at) => ({ at, reuses: true })),
  ],
  'while the lock is refreshed': [
    ...moments('write', 'lock', [2], ['during', 'after']),
    ...moments('delete', 'lock', [1], ['after']),
  ].map((at) => ({ at, order: refreshing })),
}

for (const [name, list] of Object.entries(kills)) {
  test(`a backup that is killed ${name} harms nothing, and the next one works`, { skip }, async () => {
    await using scene = await openScene()
    const known = new Set<string>()
    for (const { at, order, reuses = false } of list) {
      changeSource(scene)
      const { killed } = await scene.backUp({ ...order, stop: { at, signal: 'SIGKILL' } })
      assert.ok(killed, `not killed ${at.when} ${at.on} ${at.type} ${at.call}`)
      const { dataBlobs } = await assertSurvived(scene, known)
      if (reuses) assert.equal(dataBlobs, 0, `stored again after ${at.when} ${at.on} ${at.type}`)
    }
    // Shared locks of processes that are gone hinder nobody on this machine; restic, too, sees that they are stale.
    await scene.restic('unlock')
    assert.deepEqual(scene.files('locks'), [])
    await scene.assertSound()
    const { snapshot = '' } = await scene.backUp()
    await scene.assertRestores(snapshot)
  })
}

test('a backup that is killed at any time harms nothing, and the next one works', { skip }, async (t) => {
  await using scene = await openScene()
  changeSource(scene)
  const began = Date.now()
  await scene.backUp()
  const usual = Date.now() - began
  const known = new Set((await scene.snapshots()).map(({ id }) => id))
  for (let i = 0; i < 3; i++) {
    changeSource(scene)
    const wait = Math.floor(random.next() * usual)
    await using running = scene.startBackup()
    await sleep(wait)
    running.kill('SIGKILL')
    const { signal } = await running.result
    t.diagnostic(`killed after ${wait} ms of about ${usual}: ${signal ?? 'it had ended'}`)
    await assertSurvived(scene, known)
  }
  await scene.restic('unlock')
  await scene.assertSound()
  const { snapshot = '' } = await scene.backUp()
  await scene.assertRestores(snapshot)
})
