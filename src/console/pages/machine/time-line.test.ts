import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecoveryPoint } from '#protocol'
import { placeOnTimeLine } from './time-line.ts'

function point(id: string, receivedAt: string | null, bytesAdded: number): RecoveryPoint {
  const content = { claimedAt: '2026-01-05T00:00:00Z', host: 'h', paths: [], tags: [], files: 1, bytes: 1, bytesAdded }
  return { id, repositoryId: 'r', receivedAt, stored: true, signed: true, suspicions: [], content, unreadable: null }
}

test('recovery points lie where their time is, oldest first, and the smallest is still seen', () => {
  const points = [
    point('last', '2026-01-11T00:00:00Z', 0),
    point('first', '2026-01-01T00:00:00Z', 10_000),
    point('claimed', null, 2_500),
  ]
  const bars = placeOnTimeLine(points, { width: 104, height: 100 })
  assert.deepEqual(
    bars.map(({ id, x, length }) => [id, x, length]),
    [
      ['first', 0, 100],
      ['claimed', 40, 50],
      ['last', 100, 3],
    ],
  )
})

test('one recovery point, or none, needs no time line', () => {
  assert.deepEqual(placeOnTimeLine([], { width: 100, height: 100 }), [])
  assert.equal(placeOnTimeLine([point('a', null, 0)], { width: 100, height: 100 })[0]?.x, 0)
})
