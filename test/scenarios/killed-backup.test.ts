import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { assertSurvived, changeSource, killAtEach, moments, openScene, random } from '../helpers/killing.ts'
import type { Kill } from '../helpers/killing.ts'
import { missing } from '../helpers/peers.ts'

/** A backup is killed at named moments and at random ones (A1 to A4 of the failure cases). */

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
}

for (const [name, list] of Object.entries(kills)) {
  test(`a backup that is killed ${name} harms nothing, and the next one works`, { skip: missing('restic') }, () =>
    killAtEach(list),
  )
}

test(
  'a backup that is killed at any time harms nothing, and the next one works',
  { skip: missing('restic') },
  async (t) => {
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
  },
)
