import assert from 'node:assert/strict'
import { readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { missing } from '../helpers/peers.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'
import { until } from '../helpers/until.ts'

/** A backup is interrupted or stopped in the middle (A12, D2 of the failure cases). */

const skip = missing('restic')
const random = randomFrom(testSeed())

async function openScene(megabytes: number): Promise<Scene> {
  const scene = await Scene.open()
  for (let i = 0; i < megabytes; i++) writeFileSync(`${scene.source}/file ${i}`, random.bytes(1 << 20))
  await scene.init()
  return scene
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(
    `${signal} in the middle of a backup: exit code 130, no lock, no snapshot, and what is stored is used`,
    { skip },
    async () => {
      await using scene = await openScene(40)
      await using running = scene.startUnderstudy('backup', '--pack-size', '4', scene.source)
      await until(() => scene.packs().length > 5)
      running.kill(signal)
      const { code, stdout, stderr } = await running.result
      assert.equal(code, 130, `${stdout}\n${stderr}`)
      assert.deepEqual([scene.files('locks'), scene.files('snapshots')], [[], []])
      assert.doesNotMatch(stderr, /^ +at /m)
      await scene.assertSound()
      assert.ok(scene.files('index').length > 0, 'what was stored is named in no index')
      const stored = (await scene.blobs('data')).length
      const { dataBlobs = 0, snapshot = '' } = await scene.backUp()
      assert.ok(dataBlobs <= 40 * 2 - stored)
      const all = await scene.blobs('data')
      assert.equal(new Set(all).size, all.length)
      await scene.assertRestores(snapshot)
    },
  )
}

for (const type of ['index', 'snapshot'] as const) {
  const name = `a backup that slept before it wrote its ${type}, while others broke its lock and pruned, makes no snapshot`
  test(name, { skip }, async () => {
    await using scene = await openScene(20)
    const first = await scene.backUp()
    for (let i = 0; i < 10; i++) writeFileSync(`${scene.source}/more ${i}`, random.bytes(1 << 20))
    const stop = { at: { on: 'write', type, call: 1, when: 'before' }, signal: 'SIGSTOP' } as const
    await using sleeping = scene.startBackup({ stop })
    await until(() => isStopped(sleeping.pid))
    // 45 minutes later: others find a stale lock, forget what the sleeper builds on, and prune.
    const [lock] = scene.files('locks')
    const old = new Date(Date.now() - 45 * 60_000)
    utimesSync(`${scene.repository}/locks/${lock}`, old, old)
    await scene.restic('unlock', '--remove-all')
    await scene.restic('forget', first.snapshot ?? '', '--prune')
    assert.deepEqual(scene.packs(), [])
    sleeping.kill('SIGCONT')
    const { stdout } = await sleeping.result
    assert.match(stdout, /"error":"(LOCK_LOST|BLOBS_REMOVED)"/)
    assert.deepEqual([scene.files('snapshots'), scene.files('locks')], [[], []])
    await scene.assertSound()
    const { snapshot = '' } = await scene.backUp()
    await scene.assertSound()
    await scene.assertRestores(snapshot)
  })
}

function isStopped(pid: number): boolean {
  return / T /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
}
