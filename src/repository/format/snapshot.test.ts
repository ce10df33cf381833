import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FormatError } from './errors.ts'
import type { Snapshot } from './snapshot.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts'
import { anyDamage, damage, fixture, propertyOptions } from './testing.ts'
import { formatTime } from './time.ts'

const time = fc.bigInt(0n, 253_402_300_799_999_999_999n).map(formatTime)
const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const texts = fc.array(text, { maxLength: 4 })
const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
const name = id.map((bytes) => bytes.toString('hex'))
const uint32 = fc.nat({ max: 0xffff_ffff })
const count = fc.maxSafeNat()
const uint64 = fc.bigInt(0n, 2n ** 64n - 1n)

const anySummary = fc.record(
  {
    backupStart: time,
    backupEnd: time,
    filesNew: count,
    filesChanged: count,
    filesUnmodified: count,
    dirsNew: count,
    dirsChanged: count,
    dirsUnmodified: count,
    dataBlobs: count,
    treeBlobs: count,
    dataAdded: uint64,
    dataAddedPacked: uint64,
    totalFilesProcessed: count,
    totalBytesProcessed: uint64,
  },
  { noNullPrototype: true },
)

const anySnapshot: fc.Arbitrary<Snapshot> = fc.record(
  {
    time,
    parent: name,
    tree: id,
    paths: texts,
    hostname: text,
    username: text,
    uid: uint32,
    gid: uint32,
    excludes: texts,
    tags: texts,
    original: name,
    programVersion: text.filter((version) => version !== ''),
    summary: anySummary,
  },
  {
    noNullPrototype: true,
    requiredKeys: ['time', 'tree', 'paths', 'hostname', 'username', 'uid', 'gid', 'excludes', 'tags'],
  },
)

test('a snapshot made by restic is read, and encoded again to the same bytes', () => {
  const bytes = fixture('snapshot.plain')
  const snapshot = decodeSnapshot(bytes)
  assert.equal(encodeSnapshot(snapshot).toString(), bytes.toString())
  assert.deepEqual(snapshot.tags, ['a=b', '<tag>&é'])
  assert.equal(snapshot.hostname, 'office')
  assert.equal(snapshot.summary?.dataBlobs, 3)
})

test('any snapshot comes back from being encoded', () => {
  fc.assert(
    fc.property(anySnapshot, (snapshot) => assert.deepEqual(decodeSnapshot(encodeSnapshot(snapshot)), snapshot)),
    propertyOptions,
  )
})

test('a snapshot with only what must be there is read, also with nulls and fields of other programs', () => {
  const tree = '01'.repeat(32)
  const least = decodeSnapshot(Buffer.from(`{"time":"2024-05-01T12:00:00Z","tree":"${tree}"}`))
  assert.deepEqual(
    { ...least, tree: 0 },
    {
      time: '2024-05-01T12:00:00Z',
      tree: 0,
      paths: [],
      hostname: '',
      username: '',
      uid: 0,
      gid: 0,
      excludes: [],
      tags: [],
    },
  )
  const odd = decodeSnapshot(
    Buffer.from(
      `{"label":"x","delete":{"a":[]},"time":"2024-05-01T12:00:00+01:00","tree":"${tree}","paths":null,"tags":null,"summary":{"files_new":3,"command":"backup","backup_duration":0.5,"data_added":null}}`,
    ),
  )
  assert.deepEqual(odd.paths, [])
  assert.equal(odd.summary?.filesNew, 3)
  assert.equal(odd.summary?.dataAdded, 0n)
  assert.match(encodeSnapshot(odd).toString(), /"backup_start":"0001-01-01T00:00:00Z"/)
})

test('a snapshot without a tree or a time, or with what is none, is refused', () => {
  const tree = `"tree":"${'01'.repeat(32)}"`
  const refused = [
    '{}',
    `{${tree}}`,
    '{"time":"2024-05-01T12:00:00Z"}',
    '{"time":"2024-05-01T12:00:00Z","tree":null}',
    `{"time":"yesterday",${tree}}`,
  ]
  for (const json of [
    ...refused,
    `{"time":"2024-05-01T12:00:00Z",${tree},"parent":"../x"}`,
    `{"time":"2024-05-01T12:00:00Z",${tree},"uid":-1}`,
  ]) {
    assert.throws(() => decodeSnapshot(Buffer.from(json)), FormatError, json)
  }
})

test('any damage to a snapshot is read or refused with a code', () => {
  fc.assert(
    fc.property(anyDamage, (harm) => {
      try {
        decodeSnapshot(damage(fixture('snapshot.plain'), harm))
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error))
      }
    }),
    propertyOptions,
  )
})
