import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../test/helpers/seed.ts'
import { judge, median, ratioTo, summarise } from './figures.ts'
import type { Figures } from './figures.ts'

const figures = (seconds: number, more: Partial<Figures> = {}): Figures => ({
  rounds: 3,
  seconds,
  least: seconds,
  most: seconds,
  ...more,
})

test('a median has as many values below it as above, wherever they stood', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const middle = median(values)
      const below = values.filter((value) => value < middle).length
      const above = values.filter((value) => value > middle).length
      assert.ok(below <= values.length / 2 && above <= values.length / 2)
      assert.equal(median(values.toReversed()), middle)
    }),
    seeded(),
  )
})

test('the median of an even number of values lies between the two in the middle', () => {
  assert.equal(median([10, 1, 3, 2]), 2.5)
})

test('of several rounds the median time counts, but the highest memory', () => {
  const { seconds, least, most, peakMb, parts } = summarise([
    { seconds: 3, peakMb: 100, parts: { zstd: 1 } },
    { seconds: 1, peakMb: 300, parts: { zstd: 2 } },
    { seconds: 2, peakMb: 200, parts: { zstd: 6 } },
  ])
  assert.deepEqual({ seconds, least, most, peakMb }, { seconds: 2, least: 1, most: 3, peakMb: 300 })
  assert.deepEqual(parts, { zstd: 2 })
})

test('a ratio says how many times as long the other took', () => {
  assert.equal(ratioTo({ understudy: figures(4), restic: figures(10) }, 'restic'), 2.5)
  assert.equal(ratioTo({ understudy: figures(4) }, 'restic'), undefined)
})

test('faster is reached at exactly the ratio, and missed just below it', () => {
  const target = { kind: 'faster', than: 'restic', times: 2 } as const
  assert.equal(judge(target, { understudy: figures(5), restic: figures(10) }).reached, true)
  assert.equal(judge(target, { understudy: figures(5.01), restic: figures(10) }).reached, false)
})

test('within is reached up to the ratio, and missed just above it', () => {
  const target = { kind: 'within', of: 'floor', times: 1.5 } as const
  assert.equal(judge(target, { understudy: figures(15), floor: figures(10) }).reached, true)
  assert.equal(judge(target, { understudy: figures(15.1), floor: figures(10) }).reached, false)
})

test('what was not measured is neither reached nor missed', () => {
  for (const target of [
    { kind: 'faster', than: 'borg', times: 2 },
    { kind: 'within', of: 'floor', times: 2 },
    { kind: 'no-larger', than: 'restic' },
    { kind: 'per-blob', bytes: 64 },
  ] as const) {
    assert.equal(judge(target, { understudy: figures(1) }).reached, undefined, target.kind)
  }
})

test('memory may be as much as the other takes, or the fixed limit if that is more', () => {
  const target = { kind: 'memory', than: 'restic', mb: 200 } as const
  const of = (mine: number, theirs: number) =>
    judge(target, { understudy: figures(1, { peakMb: mine }), restic: figures(1, { peakMb: theirs }) }).reached
  assert.equal(of(200, 80), true)
  assert.equal(of(201, 80), false)
  assert.equal(of(300, 300), true)
  assert.equal(of(301, 300), false)
  assert.equal(judge(target, { understudy: figures(1, { peakMb: 150 }) }).reached, true)
  assert.equal(judge(target, { understudy: figures(1, { peakMb: 250 }) }).reached, undefined)
})

test('a repository that is a percent larger is larger', () => {
  const target = { kind: 'no-larger', than: 'restic' } as const
  const of = (mine: number) =>
    judge(target, { understudy: figures(1, { repositoryMb: mine }), restic: figures(1, { repositoryMb: 100 }) }).reached
  assert.equal(of(100), true)
  assert.equal(of(101), false)
})

test('one of several ways is enough, and it must be reached as a whole', () => {
  const target = {
    kind: 'either',
    ways: [
      [
        { kind: 'faster', than: 'restic', times: 2 },
        { kind: 'faster', than: 'borg', times: 2 },
      ],
      [{ kind: 'within', of: 'cp', times: 1.6 }],
    ],
  } as const
  const of = (restic: number, borg: number, cp: number) =>
    judge(target, { understudy: figures(10), restic: figures(restic), borg: figures(borg), cp: figures(cp) }).reached
  assert.equal(of(20, 20, 1), true)
  assert.equal(of(20, 19, 1), false)
  assert.equal(of(1, 1, 10), true)
  assert.equal(judge(target, { understudy: figures(10), restic: figures(20) }).reached, undefined)
})
