import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes, formatCount, formatDuration, formatRate, formatShare, formatSpan } from './format.ts'

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

test('a span has one unit, and a decimal where that matters', () => {
  const minute = 60_000
  const spans = [0, 1000, 90_000, 45 * minute, 90 * minute, 36 * 60 * minute, 400 * 24 * 60 * minute].map(formatSpan)
  assert.deepEqual(spans, ['0 seconds', '1 second', '1.5 minutes', '45 minutes', '1.5 hours', '1.5 days', '1.1 years'])
})

test('one of something is not several', () => {
  assert.deepEqual(
    [0, 1, 2].map((value) => formatCount(value, 'file')),
    ['0 files', '1 file', '2 files'],
  )
})

test('a share that is not nothing is not shown as nothing', () => {
  assert.deepEqual([0, 0.001, 0.25, 1].map(formatShare), ['0 %', 'less than 1 %', '25 %', '100 %'])
})
