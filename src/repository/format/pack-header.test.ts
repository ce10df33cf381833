import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { FormatError } from './errors.ts'
import {
  encodePackHeader,
  locatePackHeader,
  longestSealedHeader,
  mostHeaderEntries,
  packHeaderLength,
  parsePackHeader,
} from './pack-header.ts'
import { fixture, propertyOptions } from './testing.ts'

const overhead = 32 + 4

function lengthField(length: number): Buffer {
  const field = Buffer.alloc(4)
  field.writeUInt32LE(length)
  return field
}

test('headers of packs made by restic are read, and encoded again to the same bytes', () => {
  const files = readdirSync(new URL('fixtures/', import.meta.url)).filter((name) => name.endsWith('.header'))
  assert.equal(files.length, 2)
  const types = files.map((name) => {
    const header = fixture(name)
    const packSize = Number(/\d+/.exec(name)?.[0])
    const blobs = parsePackHeader(header, packSize)
    assert.ok(encodePackHeader(blobs).equals(header))
    assert.deepEqual(locatePackHeader(packSize, lengthField(header.length + 32)), {
      start: packSize - header.length - overhead,
      end: packSize - 4,
    })
    return blobs.types[0]
  })
  assert.deepEqual(
    types.toSorted((a, b) => (a ?? 0) - (b ?? 0)),
    [0, 1],
  )
})

const entry = fc.record({
  id: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  type: fc.constantFrom(0, 1),
  length: fc.integer({ min: 32, max: 200_000_000 }),
  plainLength: fc.oneof(fc.constant(0), fc.nat({ max: 0xffff_ffff })),
})

test('any header comes back from being encoded, with blobs one after the other', () => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 20 }), (entries) => {
      const header = encodePackHeader({
        count: entries.length,
        ids: Buffer.concat(entries.map(({ id }) => id)),
        types: Uint8Array.from(entries, ({ type }) => type),
        lengths: Uint32Array.from(entries, ({ length }) => length),
        plainLengths: Uint32Array.from(entries, ({ plainLength }) => plainLength),
      })
      assert.ok(header.length + overhead <= packHeaderLength(entries.length))
      const blobsEnd = entries.reduce((sum, { length }) => sum + length, 0)
      const packSize = blobsEnd + header.length + overhead
      const blobs = parsePackHeader(header, packSize)
      assert.equal(blobs.count, entries.length)
      let offset = 0
      entries.forEach(({ id, type, length, plainLength }, i) => {
        assert.deepEqual(blobs.ids.subarray(i * 32, i * 32 + 32), Buffer.from(id))
        const columns = [blobs.types[i], blobs.offsets[i], blobs.lengths[i], blobs.plainLengths[i]]
        assert.deepEqual(columns, [type, offset, length, plainLength])
        offset += length
      })
      for (const wrong of [packSize - 1, packSize + 1]) {
        assert.throws(() => parsePackHeader(header, wrong), { code: 'PACK_HEADER_INVALID' })
      }
    }),
    propertyOptions,
  )
})

test('any bytes are a header or refused with a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (header, packSize) => {
      try {
        parsePackHeader(header, packSize)
      } catch (error) {
        assert.ok(error instanceof FormatError)
      }
    }),
    propertyOptions,
  )
})

test('a header length that cannot be is refused before anything is read', () => {
  const packSize = 1 << 30
  for (const length of [0, 31, 32, 68, longestSealedHeader + 1, 2 ** 31, 2 ** 32 - 1]) {
    assert.throws(
      () => locatePackHeader(packSize, lengthField(length)),
      { code: 'PACK_HEADER_INVALID' },
      String(length),
    )
  }
  assert.equal(locatePackHeader(packSize, lengthField(longestSealedHeader)).end, packSize - 4)
  assert.throws(() => locatePackHeader(1000, lengthField(997)), { code: 'PACK_HEADER_INVALID' })
  for (const size of [0, 1, 35, 36, 104]) {
    assert.throws(() => locatePackHeader(size, lengthField(69)), { message: /fewer than a pack/ })
  }
})

test('types that are not known, entries cut short and blobs shorter than their seal are refused', () => {
  const entryOf = (type: number, length: number): Buffer =>
    Buffer.concat([Buffer.from([type]), lengthField(length), Buffer.alloc(32, 7)])
  const refused: readonly (readonly [Buffer, number, RegExp])[] = [
    [entryOf(4, 100), 100, /type 4/],
    [entryOf(255, 100), 100, /type 255/],
    [entryOf(0, 100).subarray(1), 100, /type 100/],
    [entryOf(0, 100).subarray(0, 36), 100, /cut short/],
    [entryOf(2, 100), 100, /cut short/],
    [entryOf(0, 31), 31, /fewer than its seal/],
    [Buffer.concat([entryOf(0, 2 ** 32 - 1), entryOf(1, 100)]), 99, /ends at/],
    [Buffer.alloc(0), 100, /its blobs end/],
  ]
  for (const [header, blobsEnd, message] of refused) {
    assert.throws(() => parsePackHeader(header, blobsEnd + header.length + overhead), {
      code: 'PACK_HEADER_INVALID',
      message,
    })
  }
})

test('more entries than restic reads are not written', () => {
  const count = mostHeaderEntries + 1
  const column = new Uint32Array(count)
  assert.throws(
    () =>
      encodePackHeader({
        count,
        ids: Buffer.alloc(0),
        types: new Uint8Array(count),
        lengths: column,
        plainLengths: column,
      }),
    {
      code: 'PACK_HEADER_INVALID',
    },
  )
})
