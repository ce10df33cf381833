/** Keys and the upgrade of the format, for restic to use afterwards. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { missing, peer } from '../helpers/peers.ts'
import { runOk } from '../helpers/run.ts'
import { Scene } from '../helpers/scene.ts'

const skip = { skip: missing('restic') }

test('a repository of version 1 is upgraded, and restic reads and compresses it then', skip, async () => {
  await using scene = await Scene.open()
  await scene.init('restic', '--repository-version', '1')
  writeFileSync(`${scene.source}/text`, 'a line of text\n'.repeat(10_000))
  await scene.restic('backup', scene.source)
  assert.match(await scene.understudy('migrate'), /upgrade_repo_v2/)
  assert.match(await scene.understudy('migrate', 'upgrade_repo_v2'), /success/)
  assert.match(await scene.understudy('migrate'), /no migrations found/)
  assert.match(await scene.understudy('migrate', 'upgrade_repo_v2'), /cannot be applied/)
  assert.equal((JSON.parse(await scene.restic('cat', 'config')) as { version: number }).version, 2)
  writeFileSync(`${scene.source}/new`, 'another line of text\n'.repeat(10_000))
  const { snapshot = '' } = await scene.backUp()
  await scene.assertSound()
  await scene.assertRestores(snapshot)
})

test('keys are listed, added, changed and removed for restic to use', skip, async () => {
  await using scene = await Scene.open()
  await scene.init()
  mkdirSync(`${scene.folder}/passwords`)
  const file = (name: string) => `${scene.folder}/passwords/${name}`
  writeFileSync(file('second'), 'second\n')
  writeFileSync(file('third'), 'third')
  await scene.understudy('key', 'add', '--new-password-file', file('second'), '--user', 'anna', '--host', 'nas')
  await scene.restic('cat', 'config', '--password-file', file('second'))
  await scene.understudy('key', 'passwd', '--password-file', file('second'), '--new-password-file', file('third'))
  const keys = JSON.parse(await scene.restic('key', 'list', '--json')) as { current: boolean; id: string }[]
  assert.equal(keys.length, 2)
  const wrong = await scene.tryUnderstudy('key', 'list', '--password-file', file('second'))
  assert.equal(wrong.code, 12)
  const inUse = await scene.tryUnderstudy('key', 'remove', keys.find(({ current }) => current)?.id ?? '')
  assert.deepEqual([inUse.code, /KEY_IN_USE/.test(inUse.stderr)], [1, true])
  await scene.understudy('key', 'remove', keys.find(({ current }) => !current)?.id ?? '')
  await scene.understudy('key', 'add', '--new-insecure-no-password')
  const env = { ...scene.env, RESTIC_PASSWORD: undefined }
  await runOk(peer('restic'), ['cat', 'config', '--insecure-no-password'], { env })
})
