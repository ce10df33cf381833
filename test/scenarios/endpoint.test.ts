import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { openBackend } from '../../src/backend/index.ts'
import { forgetSnapshots, lockRepository, openRepository, prune } from '../../src/repository/index.ts'
import { BackendStorage } from '../../src/server/endpoint/index.ts'
import { tombstonesIn } from '../helpers/endpoint-store.ts'
import { type RunningEndpoint, startEndpoint, type StartOptions } from '../helpers/endpoint-server.ts'
import { makeTree } from '../helpers/make-tree.ts'
import { missing } from '../helpers/peers.ts'
import { s3Services, type S3ServiceName, startS3Server } from '../helpers/s3-server.ts'
import { Scene } from '../helpers/scene.ts'
import { randomFrom, testSeed } from '../helpers/seed.ts'

/** Stock restic and our own program back up to the server's endpoint, as machines do. */

const seed = testSeed()
const random = randomFrom(seed)

const services: AsyncDisposable[] = []
after(async () => {
  for (const service of services) await service[Symbol.asyncDispose]()
})

for (const [where, { skip, options }] of Object.entries(storages())) {
  test(
    `restic makes a repository on ${where}, backs up, checks and restores, and deletes nothing`,
    { skip: missing('restic') || skip },
    async () => {
      await using server = await startEndpoint(await options())
      await using scene = await openScene(server)
      await scene.restic('init')
      await scene.resticBackUp('restic')
      change(scene)
      await scene.resticBackUp('restic')
      const snapshots = await scene.snapshots()
      assert.equal(snapshots.length, 2)
      await scene.assertSound()
      await scene.assertRestores(snapshots.at(-1)?.id ?? '')
      assert.deepEqual(
        server.stored.filter(({ type }) => type === 'snapshot').map(({ name }) => name),
        snapshots.map(({ id }) => id),
        'the ledger has them, in the order in which they came',
      )
      const forgotten = await scene.tryRestic('forget', '--keep-last', '1')
      assert.notEqual(forgotten.code, 0)
      assert.match(forgotten.stderr, /403 A machine deletes nothing but its own locks/)
      await scene.tryRestic('prune')
      assert.equal((await scene.snapshots()).length, 2)
      await scene.assertSound()
      assert.deepEqual(await Array.fromAsync(server.storage.list('anna', 'lock')), [], 'its own locks it does remove')
      assert.ok(server.refusals.some(({ kind, type }) => kind === 'delete' && type === 'snapshot'))
      const again = await scene.tryRestic('init')
      assert.notEqual(again.code, 0)
    },
  )
}

test('our own program backs up to the endpoint, checks and restores', { skip: missing('restic') }, async () => {
  await using server = await startEndpoint()
  await using scene = await openScene(server)
  await scene.understudy('init')
  await scene.understudy('backup', scene.source)
  change(scene)
  await scene.understudy('backup', scene.source)
  await scene.understudy('check', '--read-data')
  const [, second] = await scene.snapshots()
  await scene.assertRestores(second?.id ?? '', { by: 'understudy' })
  await scene.assertSound()
  const { code, stderr } = await scene.tryUnderstudy('forget', '--keep-last', '1')
  assert.notEqual(code, 0)
  assert.match(stderr, /ACCESS_DENIED/)
  assert.equal((await scene.snapshots()).length, 2)
})

test(
  'restic sees at once that the quota is reached, and goes on when it is raised',
  { skip: missing('restic') },
  async () => {
    await using server = await startEndpoint()
    await using scene = await openScene(server)
    await scene.restic('init')
    await scene.resticBackUp('restic')
    const anna = server.credentials.get('anna')
    assert.ok(anna)
    server.credentials.set('anna', { ...anna, allowedBytes: 3_000_000 })
    const large = [1, 2, 3, 4].map((i) => `${scene.source}/large ${i}`)
    for (const name of large) writeFileSync(name, random.bytes(1_500_000))
    const refused = await scene.tryRestic('backup', scene.source)
    assert.notEqual(refused.code, 0)
    assert.match(refused.stderr, /507 The quota is reached: .* of 2\.861 MiB are used/)
    for (const name of large) rmSync(name)
    await scene.assertRestores((await scene.snapshots())[0]?.id ?? '')
    for (const name of large) writeFileSync(name, random.bytes(1_500_000))
    server.credentials.set('anna', anna)
    await scene.resticBackUp('restic')
    await scene.assertSound()
  },
)

for (const [where, { skip, options }] of Object.entries(storages())) {
  test(
    `what the server's own forget and prune remove on ${where} is set aside, comes back, and is purged in the end`,
    { skip: missing('restic') || skip },
    async () => {
      await using server = await startEndpoint(await options())
      await using scene = await openScene(server)
      await scene.restic('init')
      await scene.resticBackUp('restic')
      change(scene)
      await scene.resticBackUp('restic')
      const [first] = await scene.snapshots()
      assert.ok(first)
      const backend = await server.storage.backend('anna')
      const repository = await openRepository(backend, { password: scene.password })
      {
        await using lock = await lockRepository(repository, { exclusive: true })
        await forgetSnapshots(repository, [first.id], { lock, mustLeave: 1 })
      }
      await prune(repository, { threads: 1, keepDeleted: 0, maxUnused: { bytes: 0 } })
      assert.equal((await scene.snapshots()).length, 1)
      await scene.assertSound()
      const quarantine = await server.storage.quarantine('anna')
      const aside = await Array.fromAsync(quarantine.list())
      assert.ok(aside.some(({ file }) => file.type === 'pack') && aside.some(({ file }) => file.type === 'snapshot'))
      await quarantine.putBack(aside)
      assert.equal((await scene.snapshots()).length, 2)
      await scene.assertSound()
      for (const { file } of aside) await backend.delete(file)
      await quarantine.purge(-2 * 24 * 60 * 60 * 1000)
      assert.deepEqual(await Array.fromAsync(quarantine.list()), [])
      await scene.assertSound()
    },
  )
}

type Storage = { readonly skip: string | false; readonly options: () => Promise<StartOptions> }

function storages(): Record<string, Storage> {
  const onS3 = s3Services().map(({ name, skip }) => [`S3 (${name})`, { skip, options: () => before(name) }] as const)
  return { 'a folder': { skip: false, options: async () => ({}) }, ...Object.fromEntries(onS3) }
}

/** An endpoint before an S3 service, with a bucket of its own. */
async function before(name: S3ServiceName): Promise<StartOptions> {
  const service = await startS3Server(name)
  services.push(service)
  const open = (repository: string) =>
    openBackend(`s3:http://127.0.0.1:${service.port}/bucket/${repository}`, { env: service.env })
  return {
    openStorage: (folder) => BackendStorage.open({ open, openTombstones: tombstonesIn(folder), folder, keepFree: 0 }),
  }
}

async function openScene(server: RunningEndpoint): Promise<Scene> {
  const scene = await Scene.open({ repository: server.location() })
  makeTree(scene.source, { seed, files: 12, biggest: 200_000, depth: 3 })
  return scene
}

function change({ source }: Scene): void {
  writeFileSync(`${source}/changing`, random.bytes(700_000))
}
