import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { missing } from '../helpers/peers.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'

/** Several write into one repository at once (D11 of the failure cases). */

const random = randomFrom(testSeed())

test(
  'five backups of the same files at once all succeed, and nothing is wrong',
  { skip: missing('restic') },
  async () => {
    await using scene = await Scene.open()
    for (let i = 0; i < 12; i++) writeFileSync(`${scene.source}/file ${i}`, random.bytes(900_000))
    await scene.init()
    const [four, last] = [[1, 2, 3, 4].map(() => scene.backUp({ slow: 50 })), scene.resticBackUp('restic')] as const
    const results = await Promise.all(four)
    await last
    for (const { error } of results) assert.equal(error, undefined)
    const snapshots = await scene.snapshots()
    assert.equal(snapshots.length, 5)
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
