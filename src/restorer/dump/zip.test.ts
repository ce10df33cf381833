import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeDescriptor, encodeDirectoryEntry, encodeEnd, encodeLocalHeader } from './zip-records.ts'
import type { ZipEntry } from './zip-records.ts'

const entry: ZipEntry = {
  name: Buffer.from('é'),
  mode: 0o100644,
  mtime: Date.parse('2026-01-02T03:04:06Z'),
  isCompressed: true,
  isStreamed: true,
  offset: 0,
  isLarge: false,
}
const sums = { crc: 0x12345678, compressed: 5, plain: 10 }

/** The values of the extra field for 64-bit sizes. */
function large(extra: Buffer): bigint[] {
  for (let at = 0; at < extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue
    const count = extra.readUInt16LE(at + 2) / 8
    return Array.from({ length: count }, (_, i) => extra.readBigUInt64LE(at + 4 + 8 * i))
  }
  return []
}

test('names are marked as UTF-8 only where they are', () => {
  const flags = (name: Buffer) => encodeLocalHeader({ ...entry, name }, sums).readUInt16LE(6)
  assert.equal(flags(Buffer.from('é')) & 0x800, 0x800)
  assert.equal(flags(Buffer.from([0xff])) & 0x800, 0)
})

test('a file that is larger than 32 bits can say is described with 64 everywhere', () => {
  const big = { crc: 1, compressed: 5e9, plain: 6e9 }
  const about = { ...entry, isLarge: true, offset: 7e9 }
  const local = encodeLocalHeader(about, big)
  assert.deepEqual([local.readUInt32LE(18), local.readUInt32LE(22)], [0xffffffff, 0xffffffff])
  assert.deepEqual(large(local.subarray(30 + about.name.length)), [0n, 0n])
  const descriptor = encodeDescriptor(about, big)
  assert.deepEqual([descriptor.readBigUInt64LE(8), descriptor.readBigUInt64LE(16)], [5_000_000_000n, 6_000_000_000n])
  const record = encodeDirectoryEntry(about, big)
  const values = large(record.subarray(46 + about.name.length))
  assert.deepEqual(values, [6_000_000_000n, 5_000_000_000n, 7_000_000_000n])
})

test('many entries, or a directory far behind, end the file with 64-bit records', () => {
  assert.equal(encodeEnd({ entries: 3, offset: 100, length: 50 }).length, 22)
  for (const directory of [
    { entries: 70_000, offset: 100, length: 50 },
    { entries: 3, offset: 5e9, length: 50 },
  ]) {
    const end = encodeEnd(directory)
    assert.equal(end.length, 56 + 20 + 22)
    assert.equal(end.readBigUInt64LE(32), BigInt(directory.entries))
    assert.equal(end.readBigUInt64LE(48), BigInt(directory.offset))
    assert.equal(end.readBigUInt64LE(56 + 8), BigInt(directory.offset + directory.length))
  }
})
