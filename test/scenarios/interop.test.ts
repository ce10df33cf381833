import assert from 'node:assert/strict'
import { closeSync, ftruncateSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import { makeTree } from '../helpers/make-tree.ts'
import { missing } from '../helpers/peers.ts'
import { Scene } from '../helpers/scene.ts'
import type { Restic } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'

/** restic, old and new, and Understudy take turns in one repository. */

const skip = missing('restic', 'restic-0.14')
const seed = testSeed()
const random = randomFrom(seed)

async function openScene(): Promise<Scene> {
  const scene = await Scene.open()
  makeTree(scene.source, { seed, files: 20, biggest: 3_000_000, depth: 8 })
  const holes = openSync(`${scene.source}/holes`, 'w')
  ftruncateSync(holes, 12_000_000)
  writeSync(holes, random.bytes(700_000), 0, 700_000, 5_000_000)
  closeSync(holes)
  return scene
}

function changeSource(scene: Scene, turn: number): void {
  writeFileSync(`${scene.source}/new in turn ${turn}`, random.bytes(1_500_000))
  writeFileSync(`${scene.source}/changing`, random.bytes(200_000))
}

/** A backup by restic of the source alone, as the driver makes it; returns how much it added. */
async function resticBackUp(scene: Scene, version: Restic): Promise<{ readonly data: number; readonly trees: number }> {
  const printed = await scene.resticBackUp(version)
  const lines = printed.trim().split('\n')
  const summary = JSON.parse(lines.at(-1) ?? '') as { readonly data_blobs: number; readonly tree_blobs: number }
  return { data: summary.data_blobs, trees: summary.tree_blobs }
}

async function assertNothingTwice(scene: Scene): Promise<void> {
  for (const type of ['data', 'tree'] as const) {
    const blobs = await scene.blobs(type)
    assert.equal(new Set(blobs).size, blobs.length, `a ${type} blob is stored twice`)
  }
}

for (const first of ['understudy', 'restic-0.14'] as const) {
  test(`in a repository made by ${first} all take turns, and nothing is lost or stored twice`, { skip }, async () => {
    await using scene = await openScene()
    await scene.init(first)
    // What one has stored is all there for the other: every cut and every byte of the trees is the same.
    const ours = await scene.backUp()
    assert.equal(ours.error, undefined)
    assert.deepEqual((await resticBackUp(scene, 'restic')).data, 0)
    assert.deepEqual(await resticBackUp(scene, 'restic'), { data: 0, trees: 0 })
    changeSource(scene, 1)
    await resticBackUp(scene, 'restic')
    const again = await scene.backUp()
    assert.deepEqual([again.error, again.dataBlobs, again.treeBlobs], [undefined, 0, 0])
    changeSource(scene, 2)
    await resticBackUp(scene, 'restic-0.14')
    const after = await scene.backUp()
    assert.deepEqual([after.error, after.dataBlobs], [undefined, 0])
    await assertNothingTwice(scene)

    await scene.assertSound('restic-0.14')
    await scene.understudy('check', '--read-data')
    await scene.assertRestores(after.snapshot ?? '', { by: 'understudy' })
    await scene.assertRestores(after.snapshot ?? '', { by: 'restic' })

    await scene.restic('forget', '--keep-last', '1', '--group-by', '', '--prune')
    await scene.understudy('check', '--read-data')
    changeSource(scene, 3)
    const last = await scene.backUp()
    await scene.understudy('forget', '--keep-last', '1', '--group-by', '', '--prune')
    assert.deepEqual(
      (await scene.snapshots()).map(({ id }) => id),
      [last.snapshot],
    )
    await scene.assertSound()
    await scene.assertRestores(last.snapshot ?? '', { by: first === 'understudy' ? 'restic' : 'understudy' })
  })
}

test('restic rewrites, tags, copies and prunes what we wrote', { skip }, async () => {
  await using scene = await openScene()
  await scene.init('understudy')
  const { snapshot = '' } = await scene.backUp({ tags: ['first'] })
  await scene.restic('tag', '--add', 'tagged', 'latest')
  await scene.restic('rewrite', '--exclude', 'holes', '--forget', 'latest')
  rmSync(`${scene.source}/holes`)
  const [rewritten] = await scene.snapshots()
  assert.notEqual(rewritten?.id, snapshot)
  await scene.assertRestores(rewritten?.id ?? '', { by: 'understudy' })
  await scene.restic('prune')
  await scene.understudy('check', '--read-data')

  await using other = await Scene.open()
  const from = ['--from-repo', scene.repository, '--from-password-command', `echo ${scene.password}`]
  await other.init('restic', ...from, '--copy-chunker-params')
  await other.restic('copy', ...from)
  await other.assertSound()
  const copied = await scene.backUp({ location: other.repository })
  assert.deepEqual([copied.error, copied.dataBlobs], [undefined, 0])
})

test('version 1 is read and written, and so is what restic upgraded from it', { skip }, async () => {
  await using scene = await openScene()
  await scene.init('restic-0.14', '--repository-version', '1')
  await resticBackUp(scene, 'restic-0.14')
  const first = await scene.backUp()
  assert.deepEqual([first.error, first.dataBlobs], [undefined, 0])
  changeSource(scene, 1)
  const second = await scene.backUp()
  assert.equal(second.error, undefined, second.stderr)
  assert.equal((await resticBackUp(scene, 'restic-0.14')).data, 0)
  await scene.assertSound('restic-0.14')
  await scene.assertRestores(second.snapshot ?? '', { by: 'understudy' })

  await scene.restic('migrate', 'upgrade_repo_v2')
  changeSource(scene, 2)
  const third = await scene.backUp()
  assert.equal(third.error, undefined)
  assert.equal((await resticBackUp(scene, 'restic')).data, 0)
  await scene.assertSound()
  await scene.understudy('check', '--read-data')
  await scene.assertRestores(third.snapshot ?? '', { by: 'understudy' })
  await assertNothingTwice(scene)
})
