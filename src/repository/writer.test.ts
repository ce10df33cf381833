import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { BackendError } from '#backend'
import { file } from '../../test/helpers/memory-source.ts'
import { randomFrom } from '../../test/helpers/seed.ts'
import { copyOf, idOf, initInMemory, namesOf } from '../../test/helpers/memory-repository.ts'
import type { InMemory } from '../../test/helpers/memory-repository.ts'
import { loadBlob } from './load-blob.ts'
import { loadIndex } from './load-index.ts'
import { RepositoryWriter } from './writer.ts'
import type { WriterOptions } from './writer.ts'
import type { FileOrder } from './writing.ts'

const made = await initInMemory()
const reader = { module: new URL('../../test/helpers/memory-source.ts', import.meta.url), options: undefined }
const unreachable = new BackendError('STORAGE_UNREACHABLE', { location: 'x', reason: 'gone' })

async function writerOn({ repository }: InMemory, options: Partial<WriterOptions> = {}): Promise<RepositoryWriter> {
  return new RepositoryWriter(await loadIndex(repository), { threads: 2, reader, ...options })
}

function order(content: Buffer): FileOrder {
  return { ref: { ...file(content), name: Buffer.from('f') } }
}

/** Contents that cannot be compressed. */
function manyFiles(count: number, size: number): Buffer[] {
  const random = randomFrom(count)
  return Array.from({ length: count }, () => random.bytes(size))
}

test('files come back as nodes, in order, and every blob is in the index after the flush', async () => {
  const one = await copyOf(made)
  await using writer = await writerOn(one, { packSize: 100_000 })
  const contents = manyFiles(40, 30_000)
  const outcomes = await writer.storeFiles(contents.map(order))
  await writer.flush()
  const indexed = await loadIndex(one.repository)
  for (const [i, outcome] of outcomes.entries()) {
    const id = idOf(contents[i] as Buffer)
    assert.ok(outcome.kind === 'stored' && outcome.node.includes(id.toString('hex')))
    assert.deepEqual(await loadBlob(indexed, 'data', id), contents[i])
  }
  assert.deepEqual([writer.added.dataBlobs, writer.added.dataBytes], [40, 40 * 30_000])
})

test('what is known is not stored again, in one run and in the next', async () => {
  const one = await copyOf(made)
  for (const added of [1, 0]) {
    await using writer = await writerOn(one)
    await writer.storeFiles([order(Buffer.from('same')), order(Buffer.from('same'))])
    await writer.saveTree(Buffer.from('{"nodes":[]}\n'))
    await writer.saveTree(Buffer.from('{"nodes":[]}\n'))
    await writer.flush()
    assert.deepEqual([writer.added.dataBlobs, writer.added.treeBlobs], [added, added])
  }
})

test('a writer that discards counts everything and stores nothing', async () => {
  const one = await copyOf(made)
  await using writer = await writerOn(one, { discard: true })
  await writer.storeFiles(manyFiles(10, 1_000).map(order))
  await writer.flush()
  assert.equal(writer.added.dataBlobs, 10)
  assert.deepEqual(one.files, made.files)
})

test('when a pack cannot be written nothing names it, everything ends with that error, and what was durable is salvaged', async () => {
  const fault = { kind: 'fail', error: unreachable } as const
  const one = await copyOf(made, [{ on: 'write', type: 'pack', call: 3, times: Infinity, fault }])
  await using writer = await writerOn(one, { packSize: 50_000 })
  const stored = async () => {
    for (const content of manyFiles(60, 20_000)) await writer.storeFiles([order(content)])
    await writer.flush()
  }
  await assert.rejects(stored(), { code: 'STORAGE_UNREACHABLE' })
  await assert.rejects(writer.saveTree(Buffer.from('{"nodes":[]}\n')), { code: 'STORAGE_UNREACHABLE' })
  assert.deepEqual(await namesOf(one.backend, 'index'), [])
  await writer.salvage()
  const { index } = await loadIndex(one.repository)
  const packs = await namesOf(one.backend, 'pack')
  assert.equal(packs.length, 2)
  assert.ok(index.size > 0)
  for (let entry = 0; entry < index.size; entry++) assert.ok(packs.includes(index.placeOf(entry).pack))
})

test('without its lock a writer names nothing, and takes back what it has just named', async () => {
  for (const lostAt of [1, 2]) {
    const one = await copyOf(made)
    let looks = 0
    const guard = async () => {
      if (++looks >= lostAt) throw new Error('the lock is gone')
    }
    await using writer = await writerOn(one, { guard })
    await writer.storeFiles(manyFiles(3, 1_000).map(order))
    await assert.rejects(writer.flush(), /the lock is gone/)
    assert.deepEqual(await namesOf(one.backend, 'index'), [])
  }
})

test('a slow storage holds the threads back, and nothing is lost by it', async () => {
  const one = await copyOf(made, [{ on: 'write', type: 'pack', times: 20, fault: { kind: 'delay', milliseconds: 20 } }])
  await using writer = await writerOn(one, { packSize: 20_000, threads: 3 })
  const contents = manyFiles(90, 10_000)
  const batches = [0, 30, 60].map((at) => writer.storeFiles(contents.slice(at, at + 30).map(order)))
  await Promise.all(batches)
  await writer.flush()
  const indexed = await loadIndex(one.repository)
  for (const content of contents) assert.ok(indexed.index.find('data', idOf(content)) >= 0)
})

test('an abort ends everything with its reason', async () => {
  const one = await copyOf(made, [{ on: 'write', type: 'pack', times: Infinity, fault: { kind: 'hang' } }])
  const abort = new AbortController()
  await using writer = await writerOn(one, { packSize: 20_000, signal: abort.signal })
  const stored = writer.storeFiles(manyFiles(200, 10_000).map(order))
  setTimeout(() => abort.abort(new Error('Ctrl-C')), 200)
  await assert.rejects(stored, /Ctrl-C/)
  await assert.rejects(writer.flush(), /Ctrl-C/)
})

test('a writer can be given up at any moment, while its threads are still starting too', async () => {
  // A thread takes some 50 to 150 ms to start, and loads libraries meanwhile.
  const one = await copyOf(made)
  for (let wait = 0; wait < 150; wait += 5) {
    const writer = await writerOn(one)
    await sleep(wait)
    await writer[Symbol.asyncDispose]()
  }
})

test('a repository whose polynomial is no good for cutting is not written to', async () => {
  const { repository } = await copyOf(made)
  const indexed = await loadIndex(repository)
  // The first can be divided by x, the second has too low a degree.
  for (const polynomial of [1n << 53n, 0b111n]) {
    const damaged = Object.create(indexed, { polynomial: { value: polynomial } }) as typeof indexed
    assert.throws(() => new RepositoryWriter(damaged, { threads: 1 }), { code: 'POLYNOMIAL_INVALID' })
  }
})
