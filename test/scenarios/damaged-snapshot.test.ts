/** One snapshot's file is spoiled: every command does its work on the others, and none calls that all. */
import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { RunResult } from '../helpers/run.ts'
import { Scene } from '../helpers/scene.ts'

/** Three snapshots, of which the second is spoiled. */
async function makeScene(): Promise<Scene> {
  const scene = await Scene.open()
  await scene.init('understudy')
  for (const day of [1, 2, 3]) {
    writeFileSync(`${scene.source}/file`, `day ${day}`)
    await scene.understudy('backup', '--quiet', '--time', `2026-03-0${day} 12:00:00`, scene.source)
  }
  const listed = JSON.parse(await scene.understudy('snapshots', '--json')) as { readonly id: string }[]
  const path = `${scene.repository}/snapshots/${listed[1]?.id}`
  const bytes = readFileSync(path)
  bytes[40] = (bytes[40] as number) ^ 1
  chmodSync(path, 0o600)
  writeFileSync(path, bytes)
  return scene
}

function assertSaysSo(result: RunResult): void {
  assert.equal(result.code, 1, result.stderr)
  assert.match(result.stderr, /error: The snapshot .* is damaged/)
  assert.match(result.stderr, /Snapshots that cannot be read: 1\..*SNAPSHOTS_DAMAGED/)
}

test('find, stats and snapshots tell what the others hold', async () => {
  await using scene = await makeScene()
  const found = await scene.tryUnderstudy('find', '--json', 'file')
  assertSaysSo(found)
  assert.equal((JSON.parse(found.stdout) as unknown[]).length, 2)
  const stats = await scene.tryUnderstudy('stats', '--json')
  assertSaysSo(stats)
  assert.equal((JSON.parse(stats.stdout) as { snapshots_count: number }).snapshots_count, 2)
  const listed = await scene.tryUnderstudy('snapshots', '--json')
  assertSaysSo(listed)
  assert.equal((JSON.parse(listed.stdout) as unknown[]).length, 2)
})

test('tag and rewrite change the others and leave the damaged one where it is', async () => {
  await using scene = await makeScene()
  assertSaysSo(await scene.tryUnderstudy('tag', '--add', 'new'))
  assertSaysSo(await scene.tryUnderstudy('rewrite', '--forget', '--new-host', 'other'))
  const { stdout } = await scene.tryUnderstudy('snapshots', '--json')
  const changed = JSON.parse(stdout) as { readonly hostname: string; readonly tags: readonly string[] }[]
  assert.deepEqual(
    changed.map(({ hostname, tags }) => [hostname, tags]),
    [
      ['other', ['new']],
      ['other', ['new']],
    ],
  )
  assert.equal(scene.files('snapshots').length, 3)
})

test('a policy removes others, counts the damaged one for nothing, and does not go on to prune', async () => {
  await using scene = await makeScene()
  const packs = scene.packs().toSorted()
  assertSaysSo(await scene.tryUnderstudy('forget', '--keep-last', '1', '--prune'))
  assert.equal(scene.files('snapshots').length, 2)
  assert.deepEqual(scene.packs().toSorted(), packs)
})
