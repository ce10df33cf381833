import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestRepository } from '../../test/helpers/build-repository.ts'
import { idOf } from '../../test/helpers/memory-repository.ts'
import { randomFrom, testSeed } from '../../test/helpers/seed.ts'
import { ContentLoader } from './content-loader.ts'

const random = randomFrom(testSeed())
const repository = await TestRepository.create()
const blobs = Array.from({ length: 40 }, (_, i) =>
  i % 3 === 0 ? Buffer.alloc(5_000 + i, 'x') : random.bytes(3_000 + i),
)
await repository.store({ file: blobs })

test('blobs of many packs are loaded, whichever are asked for', async () => {
  await using loader = new ContentLoader(await repository.load(), { threads: 2 })
  const wanted = [blobs[39], blobs[0], blobs[17], blobs[18]] as Buffer[]
  using loaded = await loader.load(wanted.map(idOf))
  for (const blob of wanted) assert.ok(loaded.take(idOf(blob)).equals(blob))
  assert.equal(loader.lengthOf(idOf(blobs[3] as Buffer), 0), 5_003)
  assert.throws(() => loader.lengthOf(Buffer.alloc(32), 0), { code: 'BLOB_NOT_FOUND' })
})

test('a damaged blob is told when it is taken, and its neighbours are right', async () => {
  const kept = repository.backend.keep()
  const indexed = await repository.load()
  const [bad, good] = [blobs[4], blobs[5]] as [Buffer, Buffer]
  const { pack, offset } = indexed.index.placeOf(indexed.index.find('data', idOf(bad)))
  const stored = Buffer.from(repository.backend.files.get(`pack/${pack}`) as Buffer)
  stored[offset + 100] = (stored[offset + 100] as number) ^ 1
  repository.backend.files.set(`pack/${pack}`, stored)
  await using loader = new ContentLoader(indexed, { threads: 1 })
  using loaded = await loader.load([bad, good].map(idOf))
  assert.throws(() => loaded.take(idOf(bad)), { code: 'BLOB_DAMAGED' })
  assert.ok(loaded.take(idOf(good)).equals(good))
  repository.backend.bringBack(kept)
})

test('where one copy is damaged another is taken', async () => {
  const [twice] = [random.bytes(9_000)]
  await repository.store({ a: twice })
  await repository.store({ b: twice }, { again: true })
  const indexed = await repository.load()
  const [first] = indexed.index.findAll('data', idOf(twice))
  const { pack, offset } = indexed.index.placeOf(first as number)
  const stored = Buffer.from(repository.backend.files.get(`pack/${pack}`) as Buffer)
  stored[offset + 100] = (stored[offset + 100] as number) ^ 1
  repository.backend.files.set(`pack/${pack}`, stored)
  await using loader = new ContentLoader(indexed, { threads: 1 })
  using loaded = await loader.load([idOf(twice)])
  assert.ok(loaded.take(idOf(twice)).equals(twice))
})
