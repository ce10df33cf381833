import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { compareTrees } from '../helpers/compare-trees.ts'
import { missing } from '../helpers/peers.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'

/** Several write into one repository at once (D1, D11 of the failure cases). */

const random = randomFrom(testSeed())

test(
  'eight backups of the same files at once all succeed, and nothing is wrong',
  { skip: missing('restic') },
  async () => {
    await using scene = await Scene.open()
    for (let i = 0; i < 8; i++) writeFileSync(`${scene.source}/file ${i}`, random.bytes(900_000))
    await scene.init()
    const [seven, last] = [
      [1, 2, 3, 4, 5, 6, 7].map(() => scene.backUp({ slow: 50 })),
      scene.resticBackUp('restic'),
    ] as const
    const results = await Promise.all(seven)
    await last
    for (const { error } of results) assert.equal(error, undefined)
    const snapshots = await scene.snapshots()
    assert.equal(snapshots.length, 8)
    await scene.assertSound()
    assert.deepEqual(scene.files('locks'), [])
    for (const { snapshot = '' } of results.slice(0, 2)) await scene.assertRestores(snapshot)
    // What was stored several times goes with the next prune.
    await scene.restic('prune', '--max-unused', '0')
    const blobs = await scene.blobs('data')
    assert.equal(new Set(blobs).size, blobs.length)
    await scene.assertSound()
  },
)

test(
  'two prunes, three backups and a restore at once: of the prunes each has all of it for itself or does nothing',
  { skip: missing('restic') },
  async () => {
    await using scene = await Scene.open()
    const change = (name: string) => writeFileSync(`${scene.source}/${name}`, random.bytes(3_000_000))
    for (const name of ['gone', 'kept', 'shared']) change(name)
    await scene.init()
    const { snapshot: old = '' } = await scene.backUp()
    change('gone')
    const { snapshot: kept = '' } = await scene.backUp()
    await scene.understudy('forget', old)

    const wait = ['--retry-lock', '1m']
    const target = `${scene.folder}/meanwhile`
    const start = (...args: readonly string[]) => scene.startUnderstudy(...args).result
    const prunes = [1, 2].map(() => start('prune', '--max-unused', '0', '--keep-deleted', '0s'))
    const backups = [1, 2, 3].map(() => start('backup', ...wait, '--force', scene.source))
    const restored = start('restore', kept, '--target', target, ...wait)
    for (const { code, stderr } of await Promise.all([...backups, restored])) assert.equal(code, 0, stderr)
    for (const { code, stderr } of await Promise.all(prunes)) {
      assert.ok(code === 0 || (code === 11 && /\((?:REPOSITORY_LOCKED|LOCK_LOST)\)/.test(stderr)), stderr)
    }

    assert.deepEqual(compareTrees(scene.source, `${target}/source`, { ignore: ['root'] }), [])
    const snapshots = await scene.snapshots()
    assert.equal(snapshots.length, 4)
    await scene.assertSound()
    const made = snapshots.find(({ id }) => id !== kept)
    await scene.restic('restore', made?.id ?? '', '--target', `${scene.folder}/after`)
    assert.deepEqual(compareTrees(scene.source, `${scene.folder}/after${scene.source}`, { ignore: ['root'] }), [])
  },
)
