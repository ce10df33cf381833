import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FormatError } from './errors.ts'
import type { IndexVisitor, IndexedPack, MarkedPack } from './index-file.ts'
import { encodeIndexFile, parseIndexFile } from './index-file.ts'
import { anyDamage, damage, fixture, propertyOptions } from './testing.ts'

type Row = readonly [id: string, type: number, offset: number, length: number, plainLength: number]

interface Pack {
  readonly id: string
  readonly about?: MarkedPack
  readonly rows: Row[]
}

/** Everything that an index file holds, as plain values. */
function collect(bytes: Uint8Array): { packs: Pack[]; marked: Pack[] } {
  const found = { packs: [] as Pack[], marked: [] as Pack[] }
  const packId = Buffer.alloc(32)
  const blobId = Buffer.alloc(32)
  const visitor: IndexVisitor = {
    packId,
    blobId,
    pack: () => found.packs.push({ id: packId.toString('hex'), rows: [] }),
    blob: (...row) => found.packs.at(-1)?.rows.push([blobId.toString('hex'), ...row]),
    packToDelete: (about) => found.marked.push({ id: packId.toString('hex'), about, rows: [] }),
    blobToDelete: (...row) => found.marked.at(-1)?.rows.push([blobId.toString('hex'), ...row]),
  }
  parseIndexFile(bytes, visitor)
  return found
}

function columns({ id, rows }: Pack): IndexedPack {
  return {
    id: Buffer.from(id, 'hex'),
    blobs: {
      count: rows.length,
      ids: Buffer.from(rows.map((row) => row[0]).join(''), 'hex'),
      types: Uint8Array.from(rows, (row) => row[1]),
      offsets: Uint32Array.from(rows, (row) => row[2]),
      lengths: Uint32Array.from(rows, (row) => row[3]),
      plainLengths: Uint32Array.from(rows, (row) => row[4]),
    },
  }
}

const id = 'ab'.repeat(32)
const other = 'cd'.repeat(32)

/** `ID` and `OTHER` stand for ids. */
function json(text: string): Buffer {
  return Buffer.from(text.replaceAll('"ID"', `"${id}"`).replaceAll('"OTHER"', `"${other}"`))
}

test('an index made by restic is read, and encoded again to the same bytes', () => {
  const index = fixture('index.plain')
  const { packs } = collect(index)
  assert.equal(packs.length, 2)
  assert.ok(encodeIndexFile({ packs: packs.map(columns) }).equals(index))
})

const hexId = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const row = fc.tuple(
  hexId,
  fc.constantFrom(0, 1),
  fc.nat({ max: 0x7fff_ffff }),
  fc.integer({ min: 32, max: 0x7fff_ffff }),
  fc.oneof(fc.constant(0), fc.nat({ max: 0xffff_ffff })),
)
const anyPack = fc.record({ id: hexId, rows: fc.array(row, { maxLength: 8 }) })

test('any index comes back from being encoded, as compact and as spaced-out JSON', () => {
  fc.assert(
    fc.property(fc.array(anyPack, { maxLength: 5 }), fc.array(anyPack, { maxLength: 3 }), (packs, marked) => {
      const time = '2024-05-01T12:00:00Z'
      const packsToDelete = marked.map((pack, i) => ({ ...columns(pack), ...(i > 0 && { time, size: i }) }))
      const bytes = encodeIndexFile({ packs: packs.map(columns), packsToDelete })
      const spaced = Buffer.from(JSON.stringify(JSON.parse(bytes.toString()), null, 1))
      for (const form of [bytes, spaced]) {
        const found = collect(form)
        assert.deepEqual(
          found.packs,
          packs.map((pack) => ({ ...pack })),
        )
        assert.deepEqual(
          found.marked.map((pack) => ({ id: pack.id, rows: pack.rows })),
          marked.map((pack) => ({ ...pack })),
        )
        assert.deepEqual(
          found.marked.map(({ about }) => about?.size),
          marked.map((_, i) => (i > 0 ? i : undefined)),
        )
      }
    }),
    propertyOptions,
  )
})

test('other orders, unknown keys, nulls and what older restic wrote are read', () => {
  const index = json(
    '{"supersedes":["ID"],"packs":[{"time":"x","blobs":[{"length":40,"offset":1,"type":"tree","id":"OTHER","new":[]}],"id":"ID"},{"id":"OTHER","blobs":null}],"packs_to_delete":null}',
  )
  assert.deepEqual(collect(index).packs, [
    { id, rows: [[other, 1, 1, 40, 0]] },
    { id: other, rows: [] },
  ])
  assert.deepEqual(collect(json('{"packs":null}')).packs, [])
})

test('packs that rustic has marked to be deleted are told apart from the others', () => {
  const index = json(
    '{"packs":[],"packs_to_delete":[{"id":"ID","blobs":[{"id":"OTHER","type":"data","offset":0,"length":32}],"time":"2024-05-01T12:00:00Z","size":99}]}',
  )
  const about = { time: '2024-05-01T12:00:00Z', size: 99 }
  assert.deepEqual(collect(index), { packs: [], marked: [{ id, about, rows: [[other, 0, 0, 32, 0]] }] })
  const visitor = {
    packId: Buffer.alloc(32),
    blobId: Buffer.alloc(32),
    pack: () => assert.fail(),
    blob: () => assert.fail(),
  }
  parseIndexFile(index, visitor)
})

test('what is no index is refused with a code', () => {
  const blob = (text: string): string => `{"packs":[{"id":"ID","blobs":[${text}]}]}`
  const refused = [
    '',
    '[]',
    '{}',
    '{"time":"2024-01-01T00:00:00Z","tree":null,"paths":[]}',
    '{"packs":{}}',
    '{"packs":[{}]}',
    '{"packs":[{"id":"x"}]}',
    '{"packs":[{"id":null}]}',
    '{"packs":[]}x',
    '{"packs":[],"packs":[]}',
    '{"packs":[{"id":"ID","id":"ID"}]}',
    '{"packs":[{"id":"ID","blobs":[],"blobs":[]}]}',
    blob('1'),
    blob('{}'),
    blob('{"id":"ID"}'),
    blob('{"id":"ID","type":"data","offset":0}'),
    blob('{"id":"ID","type":"file","offset":0,"length":40}'),
    blob('{"id":"ID","offset":0,"length":40}'),
    blob('{"type":"data","offset":0,"length":40}'),
    blob('{"id":"ID","type":"data","offset":-1,"length":40}'),
    ...['01', '4294967296', '1.5', '1e3', '"1"', '99999999999999999999'].map((offset) =>
      blob(`{"id":"ID","type":"data","offset":${offset},"length":40}`),
    ),
    ...['31', '0', '4294967296'].map((length) => blob(`{"id":"ID","type":"data","offset":0,"length":${length}}`)),
    blob('{"id":"ID","type":"data","offset":4294967290,"length":40}'),
    blob('{"id":"ID","type":"data","offset":0,"length":40,"uncompressed_length":4294967296}'),
    blob(`{"id":"${id.toUpperCase()}","type":"data","offset":0,"length":40}`),
    blob('{"id":"ID","type":"data","offset":0,"length":40,}'),
  ]
  for (const text of refused) assert.throws(() => collect(json(text)), FormatError, text)
})

test('any bytes, and any damage to an index, are read or refused with a code', () => {
  const index = fixture('index.plain')
  const whatever = fc.oneof(
    { weight: 4, arbitrary: anyDamage.map((kind) => damage(index, kind)) },
    { weight: 1, arbitrary: fc.uint8Array() },
  )
  fc.assert(
    fc.property(whatever, (input) => {
      try {
        collect(input)
      } catch (error) {
        assert.ok(error instanceof FormatError, String((error as Error).stack))
      }
    }),
    propertyOptions,
  )
})
