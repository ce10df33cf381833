import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyOf, initInMemory } from '../helpers/memory-repository.ts'
import { BlobCodec } from '../../src/repository/blob-codec.ts'
import { BlobIndex } from '../../src/repository/blob-index.ts'
import { encodeSnapshot } from '../../src/repository/format/snapshot.ts'
import { choosePrimitives } from '../../src/repository/format/primitives.ts'
import type { Primitives } from '../../src/repository/format/primitives.ts'
import { Packer } from '../../src/repository/packer.ts'

/** A machine whose memory, processor or library gives wrong bytes stores nothing wrong (C13 of the failure cases). */

const made = await initInMemory()
const plain = Buffer.alloc(10_000, 'what is to be stored ')

/** Primitives whose compressor is wrong in one way. */
function lying(
  compress: (original: Primitives['zstd'], ...args: Parameters<Primitives['zstd']['compress']>) => number,
): Primitives {
  const honest = choosePrimitives()
  const { zstd } = honest
  return {
    name: honest.name,
    hasher: honest.hasher,
    createPairHasher: () => honest.createPairHasher(),
    createSealer: (key) => honest.createSealer(key),
    zstd: {
      compress: (...args) => compress(zstd, ...args),
      decompress: (from, into) => zstd.decompress(from, into),
    },
    [Symbol.dispose]: () => honest[Symbol.dispose](),
  }
}

const lies: Readonly<Record<string, Primitives>> = {
  'flips a bit of what it gives': lying((zstd, src, dst, level) => {
    const length = zstd.compress(src, dst, level)
    dst[length >> 1] = (dst[length >> 1] as number) ^ 1
    return length
  }),
  'compresses other bytes': lying((zstd, src, dst, level) => {
    const other = Buffer.from(src)
    other[500] = (other[500] as number) ^ 1
    return zstd.compress(other, dst, level)
  }),
  'gives too little': lying((zstd, src, dst, level) => zstd.compress(src, dst, level) - 3),
  'gives nothing': lying(() => 0),
}

for (const [what, primitives] of Object.entries(lies)) {
  test(`a compressor that ${what} is found out before anything is stored`, () => {
    using codec = new BlobCodec(made.repository.settings, primitives)
    const packs: unknown[] = []
    const packer = new Packer({
      codec,
      index: new BlobIndex(),
      buffers: { take: (bytes) => Buffer.alloc(bytes) },
      packSize: 4 << 20,
      emit: (pack) => packs.push(pack),
    })
    const id = Buffer.alloc(32)
    codec.primitives.hasher.sha256(plain, id, 0)
    assert.throws(() => packer.save('data', plain, id, 0), { code: 'BLOB_NOT_VERIFIED' })
    assert.deepEqual(packs, [])
  })
}

test('a bit that flips after sealing is found out', () => {
  const honest = choosePrimitives()
  const flipping: Primitives = {
    name: honest.name,
    hasher: honest.hasher,
    createPairHasher: () => honest.createPairHasher(),
    zstd: honest.zstd,
    createSealer(key) {
      const sealer = honest.createSealer(key)
      const seal = sealer.seal.bind(sealer)
      sealer.seal = (from, out, at, iv) => {
        const length = seal(from, out, at, iv)
        out[at + 40] = (out[at + 40] as number) ^ 8
        return length
      }
      return sealer
    },
    [Symbol.dispose]: () => honest[Symbol.dispose](),
  }
  using codec = new BlobCodec(made.repository.settings, flipping)
  assert.throws(() => codec.seal('tree', plain, Buffer.alloc(20_000), 0), { code: 'BLOB_NOT_VERIFIED' })
})

test('an index or snapshot that was sealed wrong is not written', async () => {
  const { repository, files, backend } = await copyOf(made)
  const { zstd } = repository.codec.primitives
  const compress = zstd.compress.bind(zstd)
  zstd.compress = (src, dst, level) => {
    const length = compress(src, dst, level)
    dst[length - 1] = (dst[length - 1] as number) ^ 1
    return length
  }
  const snapshot = encodeSnapshot({
    time: '2026-01-01T00:00:00Z',
    tree: Buffer.alloc(32, 1),
    paths: ['/x'],
    hostname: 'here',
    username: 'ann',
    uid: 0,
    gid: 0,
    excludes: [],
    tags: [],
  })
  for (const type of ['snapshot', 'index', 'lock'] as const) {
    await assert.rejects(repository.saveFile(type, snapshot), { code: 'BLOB_NOT_VERIFIED' })
  }
  assert.equal(files.size, made.files.size)
  assert.ok(backend.calls.every(({ method }) => method !== 'write'))
})
