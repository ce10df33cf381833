import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import { keepsLess, planRetention, retentionOf, type Keep } from './index.ts'

const day = 86_400_000
const now = Date.parse('2026-11-23T12:00:00Z')

test('a keep with a smaller number keeps less, also when another number is larger', () => {
  assert.ok(keepsLess({ daily: 14 }, { daily: 7 }))
  assert.ok(keepsLess({ daily: 14, yearly: 1 }, { daily: 30 }))
  assert.ok(keepsLess({ last: 'unlimited' }, { last: 1_000 }))
  assert.ok(keepsLess({ within: '1y' }, { within: '11m' }))
  assert.ok(keepsLess({ within: '1y' }, { daily: 400 }))
})

test('a keep that is the same or has larger numbers keeps no less', () => {
  assert.ok(!keepsLess({ daily: 14 }, { daily: 14 }))
  assert.ok(!keepsLess({ daily: 14 }, { daily: 14, monthly: 12 }))
  assert.ok(!keepsLess({ daily: 14 }, { daily: 'unlimited' }))
  assert.ok(!keepsLess({ within: '1m' }, { within: '1m' }))
  assert.ok(!keepsLess({ within: '1m' }, { within: '32d' }))
})

const anyKeep: fc.Arbitrary<Keep> = fc.record(
  {
    last: fc.oneof(fc.nat(5), fc.constant('unlimited' as const)),
    hourly: fc.nat(5),
    daily: fc.nat(5),
    weekly: fc.nat(5),
    monthly: fc.nat(5),
    within: fc.constantFrom('1d', '30d', '31d', '1m', '2m', '1y', '365d', '12m'),
  },
  { requiredKeys: ['last'] },
)

test('what keeps no less removes nothing that was kept before, whatever the history', () => {
  const property = fc.property(
    anyKeep,
    anyKeep,
    fc.uniqueArray(fc.integer({ min: now - 500 * day, max: now - 1 }), { maxLength: 40 }),
    (before, after, moments) => {
      fc.pre(before.last !== 0 && after.last !== 0 && !keepsLess(before, after))
      const snapshots = moments.map((received, at) => ({ id: `${at}`, received, claimed: received }))
      const kept = (keep: Keep) => {
        const { groups } = planRetention(snapshots, retentionOf(keep), { now, timeZone: 'UTC' })
        return new Set(groups.flatMap((group) => group.keep.map(({ snapshot }) => snapshot.id)))
      }
      const keptAfter = kept(after)
      for (const id of kept(before)) assert.ok(keptAfter.has(id), id)
    },
  )
  fc.assert(property, { ...seeded(), numRuns: 300 })
})
