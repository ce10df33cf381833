import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes, formatDuration, formatRate } from './format.ts'

test('sizes are shown as restic shows them', () => {
  assert.equal(formatBytes(0), '0 B')
  assert.equal(formatBytes(1023), '1023 B')
  assert.equal(formatBytes(1536), '1.500 KiB')
  assert.equal(formatBytes(5n << 30n), '5.000 GiB')
})

test('a rate without a duration is no number', () => {
  assert.equal(formatRate(3 << 20, 2), '1.500 MiB/s')
  assert.equal(formatRate(10, 0), '–')
})

test('durations have hours only when there are some', () => {
  assert.equal(formatDuration(7), '0:07')
  assert.equal(formatDuration(754), '12:34')
  assert.equal(formatDuration(3723), '1:02:03')
})
