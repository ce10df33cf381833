import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RateEstimator } from './rate.ts'

test('nothing is promised before anything is known, nor when nothing moves', () => {
  const rate = new RateEstimator(0)
  assert.equal(rate.remaining(0, 1000), undefined)
  rate.record(1000, 100)
  assert.equal(rate.remaining(100_000, 1000), undefined)
})

test('at a steady rate the estimate is exact', () => {
  const rate = new RateEstimator(0)
  for (let second = 1; second <= 10; second++) rate.record(second * 1000, 1_000_000)
  assert.equal(rate.rate(10_000), 1_000_000)
  assert.equal(rate.remaining(10_000, 5_000_000), 5)
})

test('what was faster long ago is forgotten', () => {
  const rate = new RateEstimator(0)
  for (let second = 1; second <= 60; second++) rate.record(second * 1000, 100_000_000)
  for (let second = 61; second <= 400; second++) rate.record(second * 1000, 1_000_000)
  assert.ok(Math.abs(rate.rate(400_000) - 1_000_000) < 50_000, `${rate.rate(400_000)}`)
})
