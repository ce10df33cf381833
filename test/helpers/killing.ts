/** Backups that are killed, and what must hold afterwards: for the stories of A1 to A5 of the failure cases. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import type { DriverOrder, Moment } from './backup-driver.ts'
import { makeTree } from './make-tree.ts'
import { Scene } from './scene.ts'
import { randomFrom, testSeed } from './seed.ts'

const seed = testSeed()
export const random = randomFrom(seed)

export async function openScene(): Promise<Scene> {
  const scene = await Scene.open()
  makeTree(scene.source, { seed, files: 10, biggest: 100_000, depth: 3 })
  await scene.init()
  return scene
}

/** Some 9 MB of new content: two or three packs. */
export function changeSource(scene: Scene): void {
  for (let i = 0; i < 3; i++) writeFileSync(`${scene.source}/changing ${i}`, random.bytes(3_000_000))
}

/** What must hold after a kill: nothing wrong, no false snapshot, and the next run works and is whole. */
export async function assertSurvived(scene: Scene, known: Set<string>): Promise<{ readonly dataBlobs: number }> {
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

export interface Kill {
  readonly at: Moment
  readonly order?: Partial<DriverOrder>
  /** The run before left all its blobs in an index. */
  readonly reuses?: boolean
}

export const moments = (
  on: Moment['on'],
  type: Moment['type'],
  calls: readonly number[],
  when: readonly Moment['when'][],
) => calls.flatMap((call) => when.map((one): Moment => ({ on, type, call, when: one })))

/** Kills a backup at each of the moments, one after the other, in one repository. */
export async function killAtEach(list: readonly Kill[]): Promise<void> {
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
}
