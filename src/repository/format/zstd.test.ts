import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { constants, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { seeded } from '../../../test/helpers/seed.ts'
import { choosePrimitives, referencePrimitives } from './primitives.ts'
import { compressBound, compressionLevels, decompressUnknown, isHastyFrame, referenceZstd } from './zstd.ts'

const text = Buffer.from('What is written twice can be brought back. '.repeat(200))
const frame = zstdCompressSync(text)
/** A frame as streaming writers (rustic) make it: its content's size is not stated. */
const unstated = zstdCompressSync(text, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } })
/** 64 MiB of zeros in some 2 KB. */
const bomb = zstdCompressSync(Buffer.alloc(64 << 20))
const skippable = Buffer.concat([Buffer.from('502a4d1803000000', 'hex'), Buffer.alloc(3)])
const broken = { code: 'COMPRESSION_BROKEN' }

for (const { name, zstd } of [referencePrimitives, choosePrimitives({})]) {
  test(`${name}: a stated length that is not the true one is refused`, () => {
    for (const length of [0, 1, text.length - 1, text.length + 1, text.length * 2]) {
      assert.throws(() => zstd.decompress(frame, Buffer.alloc(length)), broken)
      assert.throws(() => zstd.decompress(unstated, Buffer.alloc(length)), broken)
    }
    const plain = Buffer.alloc(text.length)
    zstd.decompress(unstated, plain)
    assert.deepEqual(plain, text)
  })

  test(`${name}: what is cut, followed by anything, or no frame at all is refused`, () => {
    const plain = Buffer.alloc(text.length)
    const bad = Array.from({ length: frame.length }, (_, length) => frame.subarray(0, length))
    for (const more of [Buffer.alloc(1), Buffer.from('x'.repeat(30)), frame, skippable, zstdCompressSync('')]) {
      bad.push(Buffer.concat([frame, more]))
    }
    bad.push(Buffer.concat([skippable, frame]), skippable, randomBytes(100), text, Buffer.alloc(64))
    for (const src of bad) assert.throws(() => zstd.decompress(src, plain), broken)
    assert.throws(() => zstd.decompress(skippable, Buffer.alloc(0)), broken)
  })

  test(`${name}: a bomb is refused without being unpacked`, () => {
    assert.throws(() => zstd.decompress(bomb, Buffer.alloc(1000)), broken)
    assert.throws(() => decompressUnknown(bomb, 1 << 20, zstd), broken)
    const liar = Buffer.from(frame)
    liar.writeUInt16LE(0xffff, 5)
    assert.throws(() => decompressUnknown(liar, 1 << 20, zstd), broken)
    const unstatedBomb = zstdCompressSync(Buffer.alloc(64 << 20), { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } })
    assert.throws(() => decompressUnknown(unstatedBomb, 1 << 20, zstd), broken)
  })

  test(`${name}: content of unknown length is unpacked up to the limit`, () => {
    for (const length of [0, 1, 255, 256, 300, 65_791, 65_792, 200_000]) {
      const content = Buffer.alloc(length, 'abc')
      for (const flag of [0, 1]) {
        const packed = zstdCompressSync(content, { params: { [constants.ZSTD_c_contentSizeFlag]: flag } })
        assert.deepEqual(decompressUnknown(packed, 200_000, zstd), content)
        if (length > 1) assert.throws(() => decompressUnknown(packed, length - 1, zstd), broken)
      }
    }
  })

  test(`${name}: what does not fit gives 0, and what has the bound's room always fits`, () => {
    assert.equal(zstd.compress(text, Buffer.alloc(20), 3), 0)
    for (const length of [0, 1, 1000, 131_071, 131_072, 300_000]) {
      const content = randomBytes(length)
      const packed = Buffer.alloc(compressBound(length))
      const packedLength = zstd.compress(content, packed, 3)
      assert.ok(packedLength > 0)
      const plain = Buffer.alloc(length)
      zstd.decompress(packed.subarray(0, packedLength), plain)
      assert.deepEqual(plain, content)
    }
  })
}

test('fast and reference compress to the same bytes and unpack each other’s, at every level that we use', () => {
  using fast = choosePrimitives({})
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 5000, size: 'max' }),
    fc.array(fc.constantFrom(1, 2, 3), { maxLength: 5000, size: 'max' }).map((bytes) => Uint8Array.from(bytes)),
  )
  const level = fc.constantFrom(...Object.values(compressionLevels), -50)
  fc.assert(
    fc.property(content, level, (plain, chosen) => {
      const [one, other] = [Buffer.alloc(compressBound(plain.length)), Buffer.alloc(compressBound(plain.length))]
      const oneFrame = one.subarray(0, referenceZstd.compress(plain, one, chosen))
      const otherFrame = other.subarray(0, fast.zstd.compress(plain, other, chosen))
      assert.deepEqual(otherFrame, oneFrame)
      const [byOne, byOther] = [Buffer.alloc(plain.length), Buffer.alloc(plain.length)]
      referenceZstd.decompress(otherFrame, byOne)
      fast.zstd.decompress(oneFrame, byOther)
      assert.deepEqual(byOne, Buffer.from(plain))
      assert.deepEqual(byOther, byOne)
    }),
    { ...seeded(), numRuns: 100 },
  )
})

test('fast and reference compress to the same bytes whatever the length, one after the other', () => {
  using fast = choosePrimitives({})
  const words = Array.from({ length: 60_000 }, (_, i) => `${(i * 7919) % 1009} of ${(i * 104_729) % 31} `).join('')
  for (const length of [100, 400_000, 65_536, 65_537, 262_144, 5000, 262_145]) {
    const plain = Buffer.from(words.slice(0, length))
    const [one, other] = [Buffer.alloc(compressBound(length)), Buffer.alloc(compressBound(length))]
    const lengths = [referenceZstd.compress(plain, one, 3), fast.zstd.compress(plain, other, 3)]
    assert.equal(lengths[0], lengths[1], `${length} bytes`)
    assert.ok(one.equals(other))
  }
})

test('fast and reference agree on every damaged frame', () => {
  using fast = choosePrimitives({})
  const outcome = (zstd: typeof referenceZstd, src: Uint8Array): string => {
    const plain = Buffer.alloc(text.length)
    try {
      zstd.decompress(src, plain)
      return plain.toString('base64')
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  fc.assert(
    fc.property(fc.constantFrom(frame, unstated), fc.nat(), fc.nat(255), (good, at, value) => {
      const src = Buffer.from(good)
      src[at % src.length] = value
      assert.ok(outcome(fast.zstd, src) === outcome(referenceZstd, src)) // `equal` would print kilobytes
    }),
    { ...seeded(), numRuns: 1000 },
  )
})

test('disposed primitives refuse to work', () => {
  const primitives = choosePrimitives({})
  if (primitives.name === 'reference') return
  primitives[Symbol.dispose]()
  primitives[Symbol.dispose]()
  assert.throws(() => primitives.zstd.compress(text, Buffer.alloc(10_000), 3), /disposed/)
  assert.throws(() => primitives.zstd.decompress(frame, Buffer.alloc(text.length)), /disposed/)
})

test('a frame of a negative level, and what is stored as it is, counts as hasty; what the usual levels make does not', () => {
  const words = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 1000} word`).join(' '))
  const packed = (level: number, content: Buffer) =>
    zstdCompressSync(content, { params: { [constants.ZSTD_c_compressionLevel]: level } })
  for (const level of [1, 3, 5, 8, 19]) assert.equal(isHastyFrame(packed(level, words)), false, `level ${level}`)
  for (const level of [-50, -10]) assert.equal(isHastyFrame(packed(level, words)), true, `level ${level}`)
  assert.equal(isHastyFrame(packed(3, randomBytes(5000))), true)
  assert.equal(isHastyFrame(packed(3, Buffer.alloc(500_000))), false)
  for (const length of [0, 1, 70, 256, 70_000, 300_000])
    assert.equal(typeof isHastyFrame(packed(3, words.subarray(0, length))), 'boolean')
})
