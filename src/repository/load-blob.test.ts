import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BackendError } from '#backend'
import { copyOf, idOf, initInMemory, openFiles, storeTrees } from '../../test/helpers/memory-repository.ts'
import { loadBlob, loadTree } from './load-blob.ts'
import { loadIndex } from './load-index.ts'

const made = await initInMemory()
const trees = [Buffer.from('{"nodes":[]}\n'), Buffer.alloc(3_000, 'some tree ')]
const [empty, tree] = trees.map(idOf) as [Buffer, Buffer]
await storeTrees(made.repository, trees)

const packs = () => [...made.files.keys()].filter((name) => name.startsWith('pack/'))

/** A second pack and index with the same blobs, as two writers at once leave them. */
async function stored(twice: boolean) {
  const one = await copyOf(made)
  if (!twice) return one
  const first = new Map(one.files)
  for (const name of first.keys()) if (/^(index|pack)/.test(name)) one.files.delete(name)
  await storeTrees(one.repository, trees)
  for (const [name, bytes] of first) one.files.set(name, bytes)
  return one
}

test('a blob comes back as it was stored, and one that no index names is not found', async () => {
  const { repository } = await copyOf(made)
  const indexed = await loadIndex(repository)
  assert.deepEqual(await loadBlob(indexed, 'tree', tree), trees[1])
  assert.equal([...(await loadTree(indexed, empty))].length, 0)
  await assert.rejects(loadBlob(indexed, 'tree', Buffer.alloc(32, 5)), { code: 'BLOB_NOT_FOUND' })
  await assert.rejects(loadBlob(indexed, 'data', tree), { code: 'BLOB_NOT_FOUND' })
})

test('a read that goes wrong once is made again', async () => {
  for (const fault of [
    { kind: 'flip', bit: 300 },
    { kind: 'truncate', bytes: 40 },
    { kind: 'fail', error: new BackendError('STORAGE_FAILED', { location: 'x', reason: 'a bad moment' }) },
  ] as const) {
    const { repository } = await copyOf(made, [{ on: 'read', type: 'pack', fault }])
    assert.deepEqual(await loadBlob(await loadIndex(repository), 'tree', tree), trees[1])
  }
})

test('a damaged blob is named with its pack, and a pack that is gone is said to be gone', async () => {
  const damaged = await copyOf(made)
  for (const name of packs()) damaged.files.set(name, Buffer.alloc(damaged.files.get(name)?.length ?? 0, 1))
  await assert.rejects(loadBlob(await loadIndex(damaged.repository), 'tree', tree), {
    code: 'BLOB_DAMAGED',
    message: new RegExp(`tree blob ${tree.toString('hex')} in pack [0-9a-f]{10} is damaged`),
  })
  const gone = await copyOf(made)
  for (const name of packs()) gone.files.delete(name)
  await assert.rejects(loadBlob(await loadIndex(gone.repository), 'tree', tree), { code: 'FILE_NOT_FOUND' })
})

test('where one copy is damaged or gone, the other one is taken', async () => {
  const one = await stored(true)
  const all = [...one.files.keys()].filter((name) => name.startsWith('pack/'))
  assert.equal(all.length, 2)
  for (const bad of all) {
    for (const damage of [undefined, Buffer.alloc(10), Buffer.alloc(5_000, 3)]) {
      const { repository, files } = await openFiles(new Map(one.files))
      if (damage) files.set(bad, damage)
      else files.delete(bad)
      assert.deepEqual(await loadBlob(await loadIndex(repository), 'tree', tree), trees[1])
    }
  }
})

test('a blob that is just being stored is nowhere yet', async () => {
  const indexed = await loadIndex((await copyOf(made)).repository)
  indexed.index.claim('tree', Buffer.alloc(32, 8), 0)
  await assert.rejects(loadBlob(indexed, 'tree', Buffer.alloc(32, 8)), { code: 'BLOB_NOT_FOUND' })
})

test('an abort ends the loading with its reason', async () => {
  const { repository } = await copyOf(made, [{ on: 'read', type: 'pack', fault: { kind: 'hang' } }])
  const abort = new AbortController()
  const loading = loadBlob(await loadIndex(repository), 'tree', tree, { signal: abort.signal })
  abort.abort(new Error('enough'))
  await assert.rejects(loading, /enough/)
})
