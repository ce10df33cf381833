import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeTree } from '../helpers/make-tree.ts'
import { missing, peer } from '../helpers/peers.ts'
import { runOk } from '../helpers/run.ts'
import { type S3Server, startS3Server } from '../helpers/s3-server.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'

/** A repository in object storage, which Understudy and restic use in turns. */

const skip = missing('rclone-s3', 'restic')
const seed = testSeed()
const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

let shared: Promise<S3Server> | undefined
let scenes = 0
after(async () => (await shared)?.[Symbol.asyncDispose]())

/** A scene whose repository lies in a bucket; what looks into it directly finds it in the server's folder. */
async function openScene() {
  const server = await (shared ??= startS3Server())
  const bucket = `bucket-${++scenes}`
  const scene = await Scene.open({ repository: `${server.folder}/${bucket}/some/where` })
  const location = `s3:http://127.0.0.1:${server.port}/${bucket}/some/where`
  const env = { ...scene.env, ...server.env, RESTIC_REPOSITORY: location }
  return {
    scene,
    understudy: (...args: readonly string[]) => runOk(process.execPath, [program, ...args], { env }),
    restic: (...args: readonly string[]) => runOk(peer('restic'), args, { env }),
    [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
  }
}

test('Understudy and restic take turns in a bucket: backup, check, prune, restore', { skip }, async () => {
  await using opened = await openScene()
  const { scene, understudy, restic } = opened
  const { source } = scene
  makeTree(source, { seed, files: 20, biggest: 2_000_000, depth: 4 })
  await understudy('init')
  await understudy('backup', source)
  writeFileSync(`${source}/more`, randomFrom(seed).bytes(1_000_000))
  await restic('backup', source)
  assert.match(await understudy('check', '--read-data'), /no errors were found/)
  await restic('check', '--read-data')
  await understudy('forget', '--keep-last', '1', '--prune')
  const [left, ...others] = await scene.snapshots()
  assert.equal(others.length, 0)
  const target = `${scene.folder}/restored`
  await understudy('restore', left?.id ?? '', '--target', target)
  assert.deepEqual(readFileSync(`${target}${source}/more`), readFileSync(`${source}/more`))
  await restic('check', '--read-data')
  await scene.assertRestores(left?.id ?? '')
})

test('a repository that restic made in a bucket is read and continued', { skip }, async () => {
  await using opened = await openScene()
  const { scene, understudy, restic } = opened
  writeFileSync(`${scene.source}/file`, randomFrom(seed).bytes(3_000_000))
  await restic('init')
  await restic('backup', scene.source)
  assert.match(await understudy('backup', scene.source), /unmodified|snapshot/)
  assert.match(await understudy('check', '--read-data'), /no errors were found/)
  await restic('check', '--read-data')
})
