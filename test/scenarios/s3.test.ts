import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { makeTree } from '../helpers/make-tree.ts'
import { missing } from '../helpers/peers.ts'
import { type S3Server, s3Services, startS3Server } from '../helpers/s3-server.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'

/** A repository in object storage, which Understudy and restic use in turns. */

const seed = testSeed()

for (const [place, service] of s3Services().entries()) {
  describe(`in a bucket of ${service.name}`, { skip: service.skip || missing('restic') }, () => {
    let shared: Promise<S3Server> | undefined
    let scenes = 0
    after(async () => (await shared)?.[Symbol.asyncDispose]())

    async function openScene(): Promise<Scene> {
      const { port, env } = await (shared ??= startS3Server(service.name))
      return Scene.open({ repository: `s3:http://127.0.0.1:${port}/bucket-${++scenes}/some/where`, env })
    }

    test('Understudy and restic take turns: backup, prune, check, restore', async () => {
      await using scene = await openScene()
      const { source } = scene
      makeTree(source, { seed, files: 20, biggest: 2_000_000, depth: 4 })
      await scene.understudy('init')
      await scene.understudy('backup', source)
      writeFileSync(`${source}/more`, randomFrom(seed).bytes(1_000_000))
      await scene.restic('backup', source)
      await scene.understudy('forget', '--keep-last', '1', '--prune')
      const [left, ...others] = await scene.snapshots()
      assert.equal(others.length, 0)
      await scene.assertSound()
      for (const by of ['understudy', 'restic'] as const) await scene.assertRestores(left?.id ?? '', { by })
    })

    const isRepeated = place > 0 // once is enough for what the service has no part in
    if (isRepeated) return
    test('a repository that restic made is read and continued', async () => {
      await using scene = await openScene()
      writeFileSync(`${scene.source}/file`, randomFrom(seed).bytes(3_000_000))
      await scene.restic('init')
      await scene.restic('backup', scene.source)
      assert.match(await scene.understudy('backup', scene.source), /unmodified|snapshot/)
      assert.match(await scene.understudy('check', '--read-data'), /no errors were found/)
    })
  })
}
