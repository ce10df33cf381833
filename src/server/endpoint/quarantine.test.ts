import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { type Backend, BackendError, type FileRef, LocalBackend, MemoryBackend } from '#backend'
import { tombstonesIn } from '../../../test/helpers/endpoint-store.ts'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { BackendStorage } from './backend-storage.ts'
import { FolderStorage } from './folder-storage.ts'
import type { Body, EndpointStorage } from './storage.ts'
import { fileNamed } from '../../../test/helpers/endpoint-server.ts'

const day = 24 * 60 * 60 * 1000
const noon = Date.UTC(2026, 6, 31, 12)

const storages: Record<
  string,
  (folder: string, clock: SettableClock, memory: MemoryBackend) => Promise<EndpointStorage>
> = {
  'a folder': (folder, clock) => FolderStorage.open(folder, { clock }),
  'another backend': (folder, clock, memory) =>
    BackendStorage.open({ open: () => memory, openTombstones: tombstonesIn(folder), folder, clock }),
}

for (const [where, open] of Object.entries(storages)) {
  test(`on ${where}, what the server deletes is seen by nobody and can be put back`, async () => {
    await using scene = await openScene(open)
    const { backend, storage } = scene
    const files = await fill(backend)
    const quarantine = await storage.quarantine('anna')
    for (const { file } of files) {
      await backend.delete(file)
      await backend.delete(file)
      assert.equal(await backend.size(file), undefined)
      assert.equal(await storage.size('anna', file), undefined)
      await assert.rejects(backend.read(file), { code: 'FILE_NOT_FOUND' })
      assert.deepEqual(await Array.fromAsync(storage.list('anna', file.type)), [])
    }
    const aside = await Array.fromAsync(quarantine.list())
    assert.deepEqual(
      aside.map(({ file, size, day: on }) => `${file.type} ${file.name} ${size} ${on}`).toSorted(),
      files.map(({ file }) => `${file.type} ${file.name} 100 2026-07-31`).toSorted(),
    )
    await quarantine.putBack(aside)
    for (const { file, bytes } of files) assert.deepEqual(await backend.read(file), bytes)
    assert.deepEqual(await Array.fromAsync(quarantine.list()), [])
  })

  test(`on ${where}, locks are deleted for good`, async () => {
    await using scene = await openScene(open)
    const bytes = randomBytes(100)
    const lock = fileNamed('lock', bytes)
    await scene.backend.write(lock, bytes)
    await scene.backend.delete(lock)
    assert.equal(await scene.backend.size(lock), undefined)
    assert.deepEqual(await Array.fromAsync((await scene.storage.quarantine('anna')).list()), [])
  })

  test(`on ${where}, the quarantine is purged by age, counted from the end of the day`, async () => {
    await using scene = await openScene(open)
    const [old, young] = await fill(scene.backend)
    assert.ok(old && young)
    await scene.backend.delete(old.file)
    scene.clock.pass(2 * day)
    await scene.backend.delete(young.file)
    const quarantine = await scene.storage.quarantine('anna')
    const purge = () => quarantine.purge(7 * day)
    scene.clock.pass(5 * day)
    assert.deepEqual(await purge(), { files: 0, bytes: 0 })
    scene.clock.pass(day / 2)
    assert.deepEqual(await purge(), { files: 1, bytes: 100 })
    assert.deepEqual(
      (await Array.fromAsync(quarantine.list())).map(({ file }) => file),
      [young.file],
    )
    scene.clock.pass(365 * day)
    assert.deepEqual(await purge(), { files: 1, bytes: 100 })
    await quarantine.putBack([{ file: old.file, size: 100, day: '2026-07-31' }]).catch(() => undefined)
    assert.equal(await scene.backend.size(old.file), undefined)
  })

  test(`on ${where}, a file that is written again after it was deleted is seen, and not purged`, async () => {
    await using scene = await openScene(open)
    const [one] = await fill(scene.backend)
    assert.ok(one)
    await scene.backend.delete(one.file)
    await scene.backend.write(one.file, one.bytes)
    scene.clock.pass(365 * day)
    const quarantine = await scene.storage.quarantine('anna')
    await quarantine.purge(0)
    assert.deepEqual(await scene.backend.read(one.file), one.bytes)
    assert.deepEqual(await Array.fromAsync(quarantine.list()), [])
  })
}

test('another process, and restic, find nothing in the folder of what was set aside', async () => {
  await using scene = await openScene(storages['a folder'] as (typeof storages)[string])
  const files = await fill(scene.backend)
  for (const { file } of files) await scene.backend.delete(file)
  await using beside = new LocalBackend(`${scene.folder}/anna`)
  for (const { file } of files) assert.deepEqual(await Array.fromAsync(beside.list(file.type)), [])
})

test('what counts as deleted before another backend still does after a restart, and at another node', async () => {
  await using folder = await tempFolder()
  const memory = new MemoryBackend()
  const open = () =>
    BackendStorage.open({
      open: () => memory,
      openTombstones: tombstonesIn(folder.path),
      folder: folder.path,
      clock: new SettableClock(noon),
    })
  const first = await open()
  const [gone, kept, after] = await fill(await first.backend('anna'))
  assert.ok(gone && kept && after)
  await (await first.backend('anna')).delete(gone.file)
  const second = await open()
  const backend = await second.backend('anna')
  assert.equal(await backend.size(gone.file), undefined)
  assert.equal(await backend.size(kept.file), 100)
  await backend.delete(after.file)
  const third = await (await open()).backend('anna')
  assert.deepEqual([await third.size(gone.file), await third.size(after.file)], [undefined, undefined])
  assert.equal(await (await first.backend('anna')).size(after.file), undefined, 'the first hears of it')
})

test('what the bucket locks stays on the list until it can be purged', async () => {
  await using folder = await tempFolder()
  let locked = true
  const memory = new (class extends MemoryBackend {
    override async delete(file: FileRef): Promise<void> {
      if (locked) throw new BackendError('S3_OBJECT_LOCKED', { ...file, location: this.location, reason: 'until then' })
      await super.delete(file)
    }
  })()
  const storage = await BackendStorage.open({
    open: () => memory,
    openTombstones: tombstonesIn(folder.path),
    folder: folder.path,
  })
  const [one] = await fill(await storage.backend('anna'))
  assert.ok(one)
  await (await storage.backend('anna')).delete(one.file)
  const quarantine = await storage.quarantine('anna')
  assert.deepEqual(await quarantine.purge(-2 * day), { files: 0, bytes: 0 })
  locked = false
  assert.deepEqual(await quarantine.purge(-2 * day), { files: 1, bytes: 100 })
})

async function openScene(open: (typeof storages)[string]) {
  const folder = await tempFolder()
  const clock = new SettableClock(noon)
  const storage = await open(folder.path, clock, new MemoryBackend())
  await storage.create('anna')
  return {
    clock,
    storage,
    folder: folder.path,
    backend: await storage.backend('anna'),
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** One file of each type that is set aside, 100 bytes each. */
async function fill(backend: Backend): Promise<{ readonly file: FileRef; readonly bytes: Buffer }[]> {
  const files = (['pack', 'index', 'snapshot', 'key'] as const).map((type) => {
    const bytes = randomBytes(100)
    return { file: fileNamed(type, bytes), bytes }
  })
  for (const { file, bytes } of files) await backend.write(file, bytes)
  return files
}

test('what one node has set aside, another lists no more; and shows again what was put back there', async () => {
  await using folder = await tempFolder()
  const memory = new MemoryBackend()
  const openNode = async (name: string) =>
    await BackendStorage.open({
      open: () => memory,
      openTombstones: tombstonesIn(folder.path),
      folder: folder.join(name),
    })
  await using one = await openNode('one')
  await using two = await openNode('two')
  const bytes = randomBytes(100)
  const index = fileNamed('index', bytes)
  await (await one.backend('anna')).write(index, bytes)
  const listed = async () => (await Array.fromAsync(two.list('anna', 'index'))).map(({ name }) => name)
  assert.deepEqual(await listed(), [index.name])
  await (await one.backend('anna')).delete(index)
  // A backup that went by this index would count on packs that are about to go.
  assert.deepEqual(await listed(), [])
  assert.equal(await two.size('anna', index), undefined)
  const quarantine = await one.quarantine('anna')
  await quarantine.putBack(await Array.fromAsync(quarantine.list()))
  assert.equal(await two.size('anna', index), 100)
  await using opened = await two.open('anna', index)
  assert.equal(opened?.size, 100)
})

test('what was set aside at another node and is sent again, or put back there, is there again and is not purged', async () => {
  await using folder = await tempFolder()
  const memory = new MemoryBackend()
  const clock = new SettableClock()
  const openNode = async (name: string) => {
    const [openTombstones, own] = [tombstonesIn(folder.path), folder.join(name)]
    return await BackendStorage.open({ open: () => memory, openTombstones, folder: own, clock, keepFree: 0 })
  }
  await using one = await openNode('one')
  await using two = await openNode('two')
  const bytes = randomBytes(100)
  const file = fileNamed('pack', bytes)
  await (await one.backend('anna')).write(file, bytes)
  await two.size('anna', file)
  await (await one.backend('anna')).delete(file)
  const body: Body = async (take) => await take(Buffer.from(bytes))
  const upload = { repository: 'anna', file, body, length: 100, longest: 1_000, grow: () => undefined }
  for (const node of [two, one]) {
    await using incoming = await node.receive(upload)
    await incoming.store()
    assert.equal(await node.size('anna', file), 100)
  }
  // Put back at one node while the other is about to purge.
  await (await one.backend('anna')).delete(file)
  clock.pass(1_000 * day)
  const mayDelete = async () => {
    const quarantine = await two.quarantine('anna')
    await quarantine.putBack(await Array.fromAsync(quarantine.list()))
  }
  assert.equal((await (await one.quarantine('anna')).purge(0, { mayDelete })).files, 0)
  assert.deepEqual(await memory.read(file), bytes)
})
