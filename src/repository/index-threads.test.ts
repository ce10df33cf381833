import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestRepository } from '../../test/helpers/build-repository.ts'
import { randomFrom } from '../../test/helpers/seed.ts'
import { encodeIndexFile } from './format/index-file.ts'
import { loadIndex } from './load-index.ts'
import type { LoadedIndexFile } from './load-index.ts'
import { PackBlobsBuilder } from './pack-blobs.ts'

const built = await TestRepository.create()
const { backend, repository } = built
const random = randomFrom(5)
const empty = backend.keep()

/** An index file of made-up packs; the blob `shared` lies in every pack. */
async function saveIndex(packs: number, { marked = 0 } = {}): Promise<string> {
  const shared = Buffer.alloc(32, 7)
  const all = Array.from({ length: packs + marked }, () => {
    const blobs = new PackBlobsBuilder()
    for (let i = 0; i < 20; i++) {
      const ids = i === 10 ? shared : random.bytes(32)
      blobs.add({ type: i % 3 === 0 ? 1 : 0, ids, at: 0, offset: i * 100, length: 100, plainLength: (i % 2) * 300 })
    }
    return { id: random.bytes(32), blobs: blobs.build() }
  })
  return await repository.saveFile(
    'index',
    encodeIndexFile({ packs: all.slice(marked), packsToDelete: all.slice(0, marked) }),
  )
}

/** Everything that loading the index tells. */
async function load(threads: number) {
  const files: LoadedIndexFile[] = []
  const damaged: string[] = []
  const onDamaged = (name: string, { message }: Error) => damaged.push(`${name} ${message}`)
  const { index } = await loadIndex(repository, { threads, onFile: (file) => files.push(file), onDamaged })
  const entries = Array.from({ length: index.size }, (_, entry) => ({
    id: index.idOf(entry).toString('hex'),
    type: index.typeOf(entry),
    first: index.firstOf(entry),
    found: index.find(index.typeOf(entry), index.idOf(entry)),
    ...index.placeOf(entry),
  }))
  return { files, damaged: damaged.toSorted(), entries }
}

test('threads make the same index of the same files, blob by blob', async ({ mock }) => {
  backend.bringBack(empty)
  for (const packs of [3, 70, 1, 0, 120]) await saveIndex(packs)
  const { mock: loaded } = mock.method(repository, 'loadFile')
  const helped = await load(2)
  assert.equal(loaded.callCount(), 0)
  const alone = await load(0)
  assert.equal(loaded.callCount(), 5)
  assert.deepEqual(helped, alone)
  assert.equal(alone.entries.length, 194 * 20)
  assert.equal(new Set(alone.entries.map(({ first }) => first)).size, 194 * 19 + 1)
})

test('what waits to be deleted is told as without threads', async () => {
  backend.bringBack(empty)
  for (const marked of [0, 2, 0]) await saveIndex(4, { marked })
  const alone = await load(0)
  assert.deepEqual(await load(2), alone)
  assert.deepEqual(
    alone.files.map(({ marks }) => marks.length).toSorted((a, b) => a - b),
    [0, 0, 2],
  )
})

test('a damaged index file is reported in the same words, and what can be had of the others is there', async () => {
  backend.bringBack(empty)
  await saveIndex(5)
  const flipped = await saveIndex(6)
  const bytes = Buffer.from(backend.files.get(`index/${flipped}`) as Buffer)
  bytes[100] = (bytes[100] as number) ^ 1
  backend.files.set(`index/${flipped}`, bytes)
  const cut = encodeIndexFile({ packs: [] })
    .toString()
    .replace('[]', `[{"id":"${'ab'.repeat(32)}","blobs":[{"id":5}]}]`)
  const malformed = await repository.saveFile('index', Buffer.from(cut))
  const alone = await load(0)
  assert.deepEqual(await load(2), alone)
  assert.equal(alone.damaged.length, 2)
  assert.equal(alone.entries.length, 100)
  const { firstPack = 0, packsEnd } = alone.files.find(({ name }) => name === malformed) ?? {}
  assert.equal(packsEnd, firstPack + 1)
  await assert.rejects(loadIndex(repository, { threads: 1 }), { code: 'FILE_DAMAGED' })
})
