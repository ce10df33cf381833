import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { file } from '../../test/helpers/memory-source.ts'
import { aNode } from '../../test/helpers/fake-repository.ts'
import { copyOf, idOf, initInMemory, storeTrees } from '../../test/helpers/memory-repository.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import { RepositoryReader } from './deliver.ts'
import type { DeliveryOrder } from './delivery.ts'
import { encodeNode } from './format/node.ts'
import { encodeTree } from './format/tree.ts'
import { loadIndex } from './load-index.ts'
import type { IndexedRepository } from './repository.ts'
import { RepositoryWriter } from './writer.ts'

const made = await initInMemory()
const contents = ['first', 'second', 'third'].map((text) => Buffer.alloc(50_000, `${text} `))
const ids = contents.map(idOf)
await storeFiles(await loadIndex(made.repository))

async function storeFiles(repository: IndexedRepository): Promise<void> {
  const module = new URL('../../test/helpers/memory-source.ts', import.meta.url)
  await using writer = new RepositoryWriter(repository, { threads: 1, reader: { module, options: undefined } })
  const orders = contents.map((content) => ({ ref: { ...file(content), name: Buffer.from('f') } }))
  const outcomes = await writer.storeFiles(orders)
  assert.ok(outcomes.every(({ kind }) => kind === 'stored'))
  await writer.flush()
}

/** All contents that lie in the same pack as the first, as whole files, and the second also as a part of a file. */
function orderFor(reader: RepositoryReader, folder: string): DeliveryOrder {
  const module = new URL('../../test/helpers/collecting-writer.ts', import.meta.url)
  const blobs = ids.map((id) => ({ id, place: reader.places(id)[0] as DeliveryOrder['blobs'][number]['place'] }))
  const pack = blobs[0]?.place.pack as string
  const here = blobs.filter(({ place }) => place.pack === pack)
  const writes: DeliveryOrder['writes'] = [
    ...here.map((_, i) => ({ kind: 'whole', ref: `file ${i}`, blobs: [i] }) as const),
    { kind: 'whole', ref: 'all', blobs: here.map((_, i) => i) },
    { kind: 'part', ref: 'part', offset: 10, blob: 0 },
    { kind: 'whole', ref: 'refused', blobs: [0] },
  ]
  writeFileSync(`${folder}/part`, Buffer.alloc(10, '.'))
  return { pack, blobs: here, writes, writer: { module, options: folder } }
}

test('contents come back whole and in parts, and what the writer refuses is a failure of that file alone', async () => {
  await using folder = await tempFolder()
  await using reader = new RepositoryReader(await loadIndex((await copyOf(made)).repository), { threads: 2 })
  const order = orderFor(reader, folder.path)
  const { failures, bytes } = await reader.deliver(order)
  assert.deepEqual(
    failures.map(({ write, error }) => [write, error.message]),
    [[order.writes.length - 1, 'no room']],
  )
  const expected = order.blobs.map(({ id }) => contents[ids.indexOf(id)] as Buffer)
  assert.equal(bytes, 50_000 * (2 * expected.length + 1))
  expected.forEach((content, i) => assert.deepEqual(readFileSync(folder.join(`file ${i}`)), content))
  assert.deepEqual(readFileSync(folder.join('all')), Buffer.concat(expected))
  assert.deepEqual(readFileSync(folder.join('part')), Buffer.concat([Buffer.alloc(10, '.'), expected[0] as Buffer]))
})

test('a read that goes wrong once is made again, blob by blob', async () => {
  const one = await copyOf(made)
  await using folder = await tempFolder()
  await using reader = new RepositoryReader(await loadIndex(one.repository), { threads: 1 })
  for (const fault of [
    { kind: 'flip', bit: 999 },
    { kind: 'truncate', bytes: 100 },
  ] as const) {
    one.backend.add({ on: 'read', type: 'pack', fault })
    const order = orderFor(reader, folder.path)
    const { failures } = await reader.deliver(order)
    assert.equal(failures.length, 1)
    assert.deepEqual(readFileSync(folder.join('file 0')), contents[ids.indexOf(order.blobs[0]?.id as Buffer)])
  }
})

test('a pack that is gone or damaged fails the files that need it, and a copy in another pack saves them', async () => {
  const one = await copyOf(made)
  const first = new Map(one.files)
  for (const name of first.keys()) if (/^(index|pack)/.test(name)) one.files.delete(name)
  await storeFiles(await loadIndex(one.repository))
  const twice = new Map([...first, ...one.files])
  for (const copies of [first, twice]) {
    const { repository, files } = await copyOf({ ...one, files: new Map(copies) })
    await using folder = await tempFolder()
    await using reader = new RepositoryReader(await loadIndex(repository), { threads: 1 })
    const order = orderFor(reader, folder.path)
    files.delete(`pack/${order.pack}`)
    const { failures } = await reader.deliver(order)
    assert.equal(failures.length, copies === first ? order.writes.length : 1)
    if (copies === first) assert.ok(failures.every(({ error }) => 'code' in error && error.code === 'FILE_NOT_FOUND'))
    else assert.equal(readFileSync(folder.join('file 0')).length, 50_000)
  }
})

test('threads compare folders with trees, by what the index knows; a tree that cannot be had is left to who asks', async () => {
  const one = await copyOf(made)
  await using folder = await tempFolder()
  const scanner = { module: new URL('../../test/helpers/telling-scanner.ts', import.meta.url), options: folder.path }
  const unknown = Buffer.alloc(32, 7)
  const nodes = [aNode('known', { content: Buffer.concat(ids.slice(0, 2)) }), aNode('unknown', { content: unknown })]
  const tree = encodeTree(nodes.map(encodeNode))
  const repository = await storeTrees(one.repository, [tree])
  {
    await using reader = new RepositoryReader(repository, { threads: 2 })
    const orders = [
      { folder: 'here', tree: idOf(tree) },
      { folder: 'there', tree: unknown },
    ]
    const answers = await reader.scanFolders(orders, { scanner })
    const lengths = [Uint32Array.of(50_000, 50_000), undefined]
    assert.deepEqual(answers, [{ folder: 'here', names: ['known', 'unknown'], lengths }, undefined])
  }
  assert.ok(existsSync(folder.join('closed')))
})

test('a blob that no index names has no places', async () => {
  await using reader = new RepositoryReader(await loadIndex(made.repository), { threads: 1 })
  assert.deepEqual(reader.places(Buffer.alloc(32)), [])
})
