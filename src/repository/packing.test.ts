import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { BackendError } from '#backend'
import { copyOf, idOf, initInMemory, namesOf } from '../../test/helpers/memory-repository.ts'
import { SettableClock } from '../../test/helpers/settable-clock.ts'
import { randomFrom } from '../../test/helpers/seed.ts'
import { BlobIndex } from './blob-index.ts'
import { parsePackHeader } from './format/pack-header.ts'
import { IndexSaver } from './index-saver.ts'
import { loadIndex } from './load-index.ts'
import { PackUploader } from './pack-uploader.ts'
import { Packer } from './packer.ts'
import type { PackerOptions, SealedPack } from './packer.ts'

/** Packs on their way: built, uploaded, named in an index. */

const made = await initInMemory()
const { codec } = made.repository
const random = randomFrom(7)
const unreachable = new BackendError('STORAGE_UNREACHABLE', { location: 'x', reason: 'gone' })

function packerInto(packs: SealedPack[], options: Partial<PackerOptions> = {}): Packer {
  return new Packer({
    codec,
    index: new BlobIndex(),
    buffers: { take: (bytes) => Buffer.alloc(bytes) },
    packSize: 100_000,
    emit: (pack) => packs.push(pack),
    ...options,
  })
}

function packOf(index: BlobIndex, ...contents: readonly Buffer[]): SealedPack {
  const packs: SealedPack[] = []
  const packer = packerInto(packs, { index, packSize: 100 << 20 })
  for (const content of contents) packer.save('data', content, idOf(content), 0)
  packer.flush()
  return packs[0] as SealedPack
}

test('a pack is its blobs, its header and the length of that, under the hash of it all', () => {
  const packs: SealedPack[] = []
  const packer = packerInto(packs)
  const contents = Array.from({ length: 30 }, () => random.bytes(10_000))
  for (const content of contents) assert.equal(packer.save('data', content, idOf(content), 0).known, false)
  for (const content of contents) assert.equal(packer.save('data', content, idOf(content), 0).known, true)
  packer.flush()
  packer.flush()
  assert.equal(packs.length, 3)
  for (const { bytes, name, blobs } of packs) {
    assert.deepEqual(name, idOf(bytes))
    const length = bytes.readUInt32LE(bytes.length - 4)
    const header = codec.openBytes(bytes.subarray(bytes.length - 4 - length, bytes.length - 4))
    const read = parsePackHeader(header, bytes.length)
    assert.deepEqual([read.count, [...read.lengths], [...read.ids]], [blobs.count, [...blobs.lengths], [...blobs.ids]])
    for (let i = 0; i < read.count; i++) {
      const [offset, sealed] = [read.offsets[i] as number, read.lengths[i] as number]
      const plain = codec.open(bytes.subarray(offset, offset + sealed), read.plainLengths[i] as number)
      assert.deepEqual(idOf(plain), Buffer.from(read.ids.subarray(i * 32, i * 32 + 32)))
    }
  }
})

test('a blob that is larger than a pack gets one of its own size', () => {
  const packs: SealedPack[] = []
  const packer = packerInto(packs)
  const large = random.bytes(30 << 20)
  packer.save('tree', large, idOf(large), 0)
  assert.equal(packs.length, 1)
  assert.ok((packs[0]?.bytes.length ?? 0) > large.length)
})

test('a pack counts as stored when its write has ended, and never after a failure', async () => {
  const one = await copyOf(made, [
    { on: 'write', type: 'pack', fault: { kind: 'delay', milliseconds: 30 } },
    { on: 'write', type: 'pack', call: 2, times: Infinity, fault: { kind: 'fail', error: unreachable } },
  ])
  const stored: SealedPack[] = []
  const [failures, released] = [[] as Error[], [] as number[]]
  const uploader = new PackUploader({
    backend: one.backend,
    onStored: (pack) => stored.push(pack),
    onFailure: (error) => failures.push(error),
  })
  const packs = [1, 2, 3].map((i) => packOf(new BlobIndex(), random.bytes(1_000 * i)))
  uploader.add(packs[0] as SealedPack, () => released.push(0))
  assert.deepEqual(stored, [])
  await uploader.drain()
  assert.deepEqual(stored, [packs[0]])
  uploader.add(packs[1] as SealedPack, () => released.push(1))
  uploader.add(packs[2] as SealedPack, () => released.push(2))
  await assert.rejects(uploader.drain(), { code: 'STORAGE_UNREACHABLE' })
  assert.deepEqual([stored.length, failures.length, released.toSorted((a, b) => a - b)], [1, 1, [0, 1, 2]])
})

test('an index is saved for what is durable, when it is large or old or asked for', async () => {
  const one = await copyOf(made)
  const indexed = await loadIndex(one.repository)
  const clock = new SettableClock()
  const saver = new IndexSaver(indexed, { clock })
  const pack = () => packOf(indexed.index, random.bytes(100), random.bytes(200))
  saver.add(pack())
  clock.pass(9 * 60_000)
  saver.add(pack())
  assert.deepEqual(await namesOf(one.backend, 'index'), [])
  clock.pass(2 * 60_000)
  saver.add(pack())
  await sleep(20)
  assert.equal((await namesOf(one.backend, 'index')).length, 1)
  saver.add(pack())
  await saver.flush()
  await saver.flush()
  assert.deepEqual((await namesOf(one.backend, 'index')).toSorted(), [...saver.saved].toSorted())
  assert.equal(saver.saved.size, 2)
  assert.equal((await loadIndex(one.repository)).index.size, 8)
})

test('an index that cannot be saved fails the run in the words of the storage', async () => {
  const one = await copyOf(made, [{ on: 'write', type: 'index', fault: { kind: 'fail', error: unreachable } }])
  const indexed = await loadIndex(one.repository)
  const saver = new IndexSaver(indexed)
  saver.add(packOf(indexed.index, random.bytes(100)))
  await assert.rejects(saver.flush(), { code: 'STORAGE_UNREACHABLE' })
  await assert.rejects(saver.flush(), { code: 'STORAGE_UNREACHABLE' })
})

test('an index whose saving is interrupted can be saved afterwards', async () => {
  const one = await copyOf(made, [{ on: 'write', type: 'index', fault: { kind: 'hang' } }])
  const indexed = await loadIndex(one.repository)
  const saver = new IndexSaver(indexed)
  saver.add(packOf(indexed.index, random.bytes(100)))
  const abort = new AbortController()
  const flushed = saver.flush({ signal: abort.signal })
  await sleep(10)
  abort.abort(new Error('Ctrl-C'))
  await assert.rejects(flushed, /Ctrl-C/)
  await saver.flush()
  assert.equal((await loadIndex(one.repository)).index.size, 1)
})
