import assert from 'node:assert/strict'
import { test } from 'node:test'
import { referenceZstd as zstd } from './zstd.ts'
import { decodeUnpacked, encodeUnpacked } from './unpacked.ts'

const json = Buffer.from('{"tree":"0123"}')
const strict = { zstd, max: 1000, plainAllowed: false }

test('an unpacked file is the mark 2 and one zstd frame, and comes back', () => {
  const encoded = encodeUnpacked(json, zstd)
  assert.equal(encoded.subarray(0, 5).toString('hex'), '0228b52ffd')
  assert.deepEqual(Buffer.from(decodeUnpacked(encoded, strict)), json)
})

test('plain JSON is accepted only where the repository may hold it', () => {
  for (const plain of [json, Buffer.from('[]')]) {
    assert.throws(() => decodeUnpacked(plain, strict), { code: 'UNPACKED_INVALID' })
    assert.deepEqual(Buffer.from(decodeUnpacked(plain, { ...strict, plainAllowed: true })), plain)
  }
})

test('any other first byte, an empty file and too much of it are refused', () => {
  const lenient = { ...strict, plainAllowed: true }
  for (let first = 0; first < 256; first++) {
    if ([2, 0x5b, 0x7b].includes(first)) continue
    assert.throws(() => decodeUnpacked(Buffer.from([first, 0x7d]), lenient), { code: 'UNPACKED_INVALID' })
  }
  assert.throws(() => decodeUnpacked(Buffer.alloc(0), lenient), { code: 'UNPACKED_INVALID' })
  assert.throws(() => decodeUnpacked(Buffer.from([2]), lenient), { code: 'COMPRESSION_BROKEN' })
  assert.throws(() => decodeUnpacked(json, { ...lenient, max: 5 }), { code: 'UNPACKED_INVALID' })
  assert.throws(() => decodeUnpacked(encodeUnpacked(json, zstd), { ...strict, max: 5 }), { code: 'COMPRESSION_BROKEN' })
})
