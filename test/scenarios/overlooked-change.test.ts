import assert from 'node:assert/strict'
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { missing } from '../helpers/peers.ts'
import { Scene } from '../helpers/scene.ts'

/** A file is changed, and has the size and mtime of before: only its ctime tells (E12 of the failure cases). */

const skip = missing('restic')
const time = new Date('2026-01-02T03:04:05Z')

async function backedUp(): Promise<Scene> {
  const scene = await Scene.open()
  await scene.init()
  write(scene, 'before')
  writeFileSync(`${scene.source}/other`, 'stays as it is')
  await scene.understudy('backup', scene.source)
  write(scene, 'behind')
  return scene
}

function write({ source }: Scene, text: string): void {
  writeFileSync(`${source}/file`, text)
  utimesSync(`${source}/file`, time, time)
  assert.equal(statSync(`${source}/file`).mtimeMs, time.getTime())
}

async function latest(scene: Scene): Promise<string> {
  await scene.restic('restore', 'latest', '--target', `${scene.folder}/restored`, '--overwrite', 'always')
  return readFileSync(`${scene.folder}/restored${scene.source}/file`, 'utf8')
}

test('what --ignore-ctime overlooked, the next plain backup sees, ours and restic’s', { skip }, async () => {
  await using scene = await backedUp()
  for (let again = 0; again < 2; again++) await scene.understudy('backup', '--ignore-ctime', scene.source)
  assert.equal(await latest(scene), 'before')
  const sees = /using parent snapshot[^]*Files: +0 new, +1 changed, +1 unmodified/
  assert.match(await scene.restic('backup', '--dry-run', scene.source), sees)
  assert.match(await scene.understudy('backup', scene.source), sees)
  assert.equal(await latest(scene), 'behind')
  await scene.assertSound()
})
