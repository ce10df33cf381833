import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type TempFolder, tempFolder } from '../../test/helpers/temp.ts'
import { until } from '../../test/helpers/until.ts'
import type { FileRef } from './backend.ts'
import { CacheBackend } from './cache.ts'
import { defaultCacheFolder } from './cache-folder.ts'
import { fileOf, listAll, rejectsWith } from './conformance.ts'
import { FaultyBackend } from './faulty.ts'
import { folders } from './layout.ts'
import { MemoryBackend } from './memory.ts'

const id = 'a'.repeat(64)
const bytes = randomBytes(50_000)
const index = fileOf('index', bytes)
const pack = fileOf('pack', bytes)

test('index and snapshot files, and packs of trees, cross the network once', async () => {
  await using folder = await tempFolder()
  const { cache, storage } = await opened(folder)
  for (const type of ['index', 'snapshot', 'pack'] as const) await storage.write(fileOf(type, bytes), bytes)
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await cache.read(index), bytes)
    assert.deepEqual(await cache.read(fileOf('snapshot', bytes)), bytes)
    const part = await cache.read(pack, { cacheable: true, range: { offset: i * 100, length: 50 } })
    assert.deepEqual(part, bytes.subarray(i * 100, i * 100 + 50))
  }
  assert.equal(reads(storage), 3)
})

test('packs of data, keys, locks and the config are not kept', async () => {
  await using folder = await tempFolder()
  const { cache, storage } = await opened(folder)
  for (const type of ['pack', 'key', 'lock', 'config'] as const) {
    await cache.write(fileOf(type, bytes), bytes)
    for (let i = 0; i < 2; i++) assert.deepEqual(await cache.read(fileOf(type, bytes)), bytes)
  }
  assert.equal(reads(storage), 8)
  assert.deepEqual(await cachedFiles(folder), [])
})

test('ranges that are asked for at the same time share one download', async () => {
  await using folder = await tempFolder()
  const { cache, storage } = await opened(folder)
  await storage.write(pack, bytes)
  const offsets = Array.from({ length: 20 }, (_, i) => i * 1000)
  const parts = await Promise.all(
    offsets.map((offset) => cache.read(pack, { cacheable: true, range: { offset, length: 10 } })),
  )
  parts.forEach((part, i) => assert.deepEqual(part, bytes.subarray(i * 1000, i * 1000 + 10)))
  assert.equal(reads(storage), 1)
})

test('a cancelled caller does not take the download of the others with it', async () => {
  await using folder = await tempFolder()
  const { cache, storage } = await opened(folder)
  await storage.write(pack, bytes)
  storage.add({ on: 'read', fault: { kind: 'delay', milliseconds: 300 } })
  const controller = new AbortController()
  const first = cache.read(pack, { cacheable: true, signal: controller.signal })
  await until(() => reads(storage) === 1)
  const second = cache.read(pack, { cacheable: true })
  setImmediate(() => controller.abort(new Error('enough')))
  await assert.rejects(first, /enough/)
  assert.deepEqual(await second, bytes)
})

test('a caller that is cancelled while another one downloads for it ends at once', async () => {
  await using folder = await tempFolder()
  const { cache, storage } = await opened(folder)
  await storage.write(pack, bytes)
  storage.add({ on: 'read', fault: { kind: 'hang' } })
  const controllers = [new AbortController(), new AbortController()] as const
  const first = cache.read(pack, { cacheable: true, signal: controllers[0].signal })
  await until(() => reads(storage) === 1)
  const second = cache.read(pack, { cacheable: true, signal: controllers[1].signal })
  setTimeout(() => controllers[1].abort(new Error('enough')), 50)
  await assert.rejects(second, /enough/)
  controllers[0].abort(new Error('me too'))
  await assert.rejects(first, /me too/)
})

test('a damaged, shortened or swapped file in the cache is thrown away and fetched anew', async () => {
  const flipped = Buffer.from(bytes)
  flipped[100] = (flipped[100] ?? 0) ^ 1
  for (const damage of [flipped, bytes.subarray(0, 10), Buffer.alloc(0), randomBytes(50_000)]) {
    for (const file of [index, pack]) {
      await using folder = await tempFolder()
      const { cache, storage } = await opened(folder)
      await cache.write(file, bytes, { cacheable: true })
      assert.deepEqual(
        await cache.read(file, { cacheable: true, range: { offset: 5, length: 5 } }),
        bytes.subarray(5, 10),
      )
      assert.equal(reads(storage), 0)
      await writeFile(cachePath(folder, file), damage) // after it has been verified once in this run
      assert.deepEqual(
        await cache.read(file, { cacheable: true, range: { offset: 90, length: 20 } }),
        bytes.subarray(90, 110),
      )
      assert.equal(reads(storage), 1)
      assert.deepEqual(await readFile(cachePath(folder, file)), bytes)
    }
  }
})

test('what the storage gives damaged is handed on and never kept', async () => {
  await using folder = await tempFolder()
  const { cache, storage } = await opened(folder)
  await storage.write(index, bytes)
  storage.add({ on: 'read', times: 2, fault: { kind: 'flip', bit: 9 } })
  assert.notDeepEqual(await cache.read(index), bytes)
  assert.deepEqual(await cachedFiles(folder), [])
  await cache.read(index)
  assert.deepEqual(await cache.read(index), bytes)
})

test('what the storage no longer lists or holds is forgotten', async () => {
  await using folder = await tempFolder()
  const { cache, storage, memory } = await opened(folder)
  for (const file of [index, fileOf('snapshot', bytes)]) await cache.write(file, bytes)
  await cache.delete(fileOf('snapshot', bytes))
  assert.equal((await cachedFiles(folder)).length, 1)
  memory.files.clear()
  assert.deepEqual(await cache.read(index), bytes, 'known until the storage is asked')
  assert.deepEqual(await listAll(cache, 'index'), [])
  await rejectsWith('FILE_NOT_FOUND', cache.read(index))
  await cache.write(index, bytes)
  await storage.delete(index)
  assert.equal(await cache.size(index), undefined)
  assert.deepEqual(await cachedFiles(folder), [])
})

test('a cache that is deleted in the middle of the work is made again', async () => {
  await using folder = await tempFolder()
  const { cache } = await opened(folder)
  await cache.write(index, bytes)
  await rm(folder.join(id), { recursive: true })
  assert.deepEqual(await cache.read(index), bytes)
  assert.deepEqual(await readFile(cachePath(folder, index)), bytes)
  await rm(folder.join(id), { recursive: true })
  assert.equal((await listAll(cache, 'index')).length, 1)
})

test('two processes share a cache', async () => {
  await using folder = await tempFolder()
  const [one, two] = [await opened(folder), await opened(folder)]
  const all = Array.from({ length: 20 }, (_, i) => randomBytes(1000 + i))
  for (const content of all) for (const { memory } of [one, two]) await memory.write(fileOf('index', content), content)
  await Promise.all(
    [one, two].flatMap(({ cache }) =>
      all.map(async (content) => assert.deepEqual(await cache.read(fileOf('index', content)), content)),
    ),
  )
  assert.equal((await cachedFiles(folder)).length, 20)
})

test('a cache of another repository is never looked at', async () => {
  await using folder = await tempFolder()
  const { cache } = await opened(folder)
  await cache.write(index, bytes)
  const other = await CacheBackend.open(new MemoryBackend(), { repositoryId: 'b'.repeat(64), folder: folder.path })
  await rejectsWith('FILE_NOT_FOUND', other.read(index))
})

test('a cache that cannot be used is no failure: it is told once and done without', async () => {
  await using folder = await tempFolder()
  await writeFile(folder.join('file'), 'in the way')
  const problems: Error[] = []
  const options = {
    repositoryId: id,
    folder: folder.join('file'),
    onProblem: (error: Error) => void problems.push(error),
  }
  const unopened = await CacheBackend.open(new MemoryBackend(), options)
  await unopened.write(index, bytes)
  assert.deepEqual(await unopened.read(index), bytes)
  assert.equal(problems.length, 1)

  const { cache, problems: later } = await opened(folder)
  await rm(folder.join(id, 'index'), { recursive: true })
  await writeFile(folder.join(id, 'index'), 'in the way')
  for (let i = 0; i < 3; i++) {
    const content = randomBytes(100)
    await cache.write(fileOf('index', content), content)
    assert.deepEqual(await cache.read(fileOf('index', content)), content)
  }
  assert.equal(later.length, 1)
})

test('the folder is marked as a cache, and caches that were not used for 30 days are removed', async () => {
  await using folder = await tempFolder()
  const [unused, used, foreign] = ['c'.repeat(64), 'd'.repeat(64), 'documents']
  for (const name of [unused, used, foreign]) await mkdir(folder.join(name, 'index'), { recursive: true })
  const days = (count: number) => new Date(Date.now() - count * 24 * 60 * 60 * 1000)
  await utimes(folder.join(unused), days(31), days(31))
  await utimes(folder.join(used), days(29), days(29))
  await utimes(folder.join(foreign), days(400), days(400))
  await opened(folder)
  assert.deepEqual((await readdir(folder.path)).toSorted(), ['CACHEDIR.TAG', id, used, foreign].toSorted())
  assert.match(await readFile(folder.join('CACHEDIR.TAG'), 'utf8'), /^Signature: 8a477f597d28d172789f06886806bc55\n/)
  assert.equal((await stat(folder.join(id))).mode & 0o777, 0o700)
})

test('leftovers of crashed writers in the cache go after a day', async () => {
  await using folder = await tempFolder()
  const { cache } = await opened(folder)
  await cache.write(index, bytes)
  const [old, fresh] = [`${cachePath(folder, index)}-tmp-1`, `${cachePath(folder, index)}-tmp-2`]
  for (const path of [old, fresh]) await writeFile(path, 'half')
  await utimes(old, 1, 1)
  await listAll(cache, 'index')
  assert.deepEqual((await cachedFiles(folder)).toSorted(), [index.name, `${index.name}-tmp-2`].toSorted())
})

test('the default place follows the system', () => {
  assert.equal(defaultCacheFolder({ XDG_CACHE_HOME: '/c', HOME: '/h' }, 'linux'), join('/c', 'understudy'))
  assert.equal(defaultCacheFolder({ HOME: '/h' }, 'linux'), join('/h', '.cache', 'understudy'))
  assert.equal(defaultCacheFolder({ HOME: '/h' }, 'darwin'), join('/h', 'Library', 'Caches', 'understudy'))
  assert.equal(defaultCacheFolder({ LOCALAPPDATA: '/l' }, 'win32'), join('/l', 'understudy'))
})

async function opened(folder: TempFolder) {
  const memory = new MemoryBackend()
  const storage = new FaultyBackend(memory)
  const problems: Error[] = []
  const onProblem = (error: Error) => void problems.push(error)
  const cache = await CacheBackend.open(storage, { repositoryId: id, folder: folder.path, onProblem })
  return { cache, storage, memory, problems }
}

function reads(storage: FaultyBackend): number {
  return storage.calls.filter(({ method }) => method === 'read').length
}

function cachePath(folder: TempFolder, { type, name }: FileRef): string {
  return folder.join(id, type === 'config' ? '' : folders[type], name.slice(0, 2), name)
}

async function cachedFiles(folder: TempFolder): Promise<string[]> {
  const entries = await readdir(folder.join(id), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}
