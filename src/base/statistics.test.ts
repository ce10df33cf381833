import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, medianDeviation, quantile } from './statistics.ts'

test('a median is the middle, and a wild value does not move it', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([3, 1, 2, 1e9]), 2.5)
  assert.equal(median([]), undefined)
})

test('a quantile lies between two values in proportion', () => {
  assert.deepEqual(
    [0, 0.25, 0.5, 1].map((part) => quantile([10, 0, 20], part)),
    [0, 5, 10, 20],
  )
})

test('the median deviation is the spread without the wild values', () => {
  assert.equal(medianDeviation([1, 1, 1, 1e9]), 0)
  assert.equal(medianDeviation([0, 1, 2, 3, 1000]), 1.4826)
  assert.equal(medianDeviation([]), undefined)
})
