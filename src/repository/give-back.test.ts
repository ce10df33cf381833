import assert from 'node:assert/strict'
import { test } from 'node:test'
import { giveBack } from './give-back.ts'

test('memory that is given back can be used again, and what lies beside it stays as it is', () => {
  const all = new Uint8Array(new SharedArrayBuffer(8 << 20)).fill(7)
  const [start, end] = [1_000_001, 5_000_003]
  giveBack(all.subarray(start, end))
  assert.ok(all.subarray(0, start).every((byte) => byte === 7))
  assert.ok(all.subarray(end).every((byte) => byte === 7))
  all.fill(9)
  assert.ok(all.every((byte) => byte === 9))
})

test(
  'what is given back is not there any more',
  { skip: process.platform !== 'linux' && 'kernel: only Linux gives memory back in its place' },
  () => {
    const all = new Uint8Array(new SharedArrayBuffer(64 << 20)).fill(7)
    giveBack(all)
    assert.equal(all[32 << 20], 0)
  },
)

test('less than a page is left alone', () => {
  const all = new Uint8Array(new SharedArrayBuffer(1 << 20)).fill(7)
  giveBack(all.subarray(5000, 5100))
  giveBack(all.subarray(0, 0))
  assert.ok(all.every((byte) => byte === 7))
})
