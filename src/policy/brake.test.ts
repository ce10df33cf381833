import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import {
  brakeOn,
  parseDuration,
  planRetention,
  type BrakeView,
  type ReceivedSnapshot,
  type RetentionPlan,
  type RetentionPolicy,
} from './index.ts'

const day = 86_400_000
const now = Date.parse('2026-11-23T12:00:00Z')
const options = { now, timeZone: 'Europe/Berlin' }

const justNow = now - 1000

/** Snapshots that were received the given numbers of days ago, and say so. */
function received(...daysAgo: readonly number[]): ReceivedSnapshot[] {
  return daysAgo.map((days) => ({
    id: `${days}`,
    received: justNow - days * day,
    claimed: justNow - days * day,
    good: true,
  }))
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at)
}

function keptIds({ groups }: RetentionPlan<ReceivedSnapshot>): string[] {
  return groups.flatMap(({ keep }) => keep.map(({ snapshot }) => snapshot.id))
}

test('retention goes by the time of receipt, whatever a snapshot says of itself', () => {
  const honest = received(0, 1, 2, 3, 4)
  const lying = honest.map((snapshot) => ({ ...snapshot, claimed: now - 5 * 365 * day }))
  const policy = { counts: { daily: 3 } }
  assert.deepEqual(keptIds(planRetention(honest, policy, options)), ['0', '1', '2'])
  assert.deepEqual(keptIds(planRetention(lying, policy, options)), ['0', '1', '2'])
})

test('a day ends at midnight where the client is', () => {
  const times = ['2026-11-20T12:00:00Z', '2026-11-22T22:30:00Z', '2026-11-22T23:30:00Z'].map((time) => Date.parse(time))
  const snapshots = times.map((time, at) => ({ id: `${at}`, received: time, claimed: time }))
  const policy = { counts: { daily: 2 } }
  assert.deepEqual(keptIds(planRetention(snapshots, policy, options)), ['2', '1'])
  assert.deepEqual(keptIds(planRetention(snapshots, policy, { now, timeZone: 'UTC' })), ['2', '0'])
})

test('a thousand snapshots with invented times push out none of the real ones', () => {
  const real = received(...numbers(0, 9))
  const invented = numbers(1, 1000).map((at) => ({
    id: `x${at}`,
    received: now - at,
    claimed: now + (at - 500.5) * 30 * day,
  }))
  const policy = { last: 5, counts: { daily: 7, monthly: 12 } }
  const kept = keptIds(planRetention([...invented, ...real], policy, options))
  for (const id of keptIds(planRetention(real, policy, options))) assert.ok(kept.includes(id), id)
})

const anyPolicy: fc.Arbitrary<RetentionPolicy> = fc.record({
  last: fc.nat(4),
  counts: fc.record({ hourly: fc.nat(3), daily: fc.nat(4), weekly: fc.nat(3), monthly: fc.nat(3) }),
  within: fc.constantFrom(parseDuration('1d'), parseDuration('2m')),
})
const anyMoment = fc.integer({ min: now - 400 * day, max: now })

test('whatever times are forged, of the legitimate snapshots at least those are kept that would be kept without the forged ones', () => {
  const anyLegitimate = fc
    .uniqueArray(anyMoment, { maxLength: 30 })
    .map((moments) =>
      moments.map((moment, at): ReceivedSnapshot => ({ id: `real ${at}`, received: moment, claimed: moment - 60_000 })),
    )
  const lie = fc.oneof(fc.constant(undefined), fc.integer({ min: 4, max: 5000 }), fc.integer({ min: -5000, max: -4 }))
  const anyForged = fc.array(fc.tuple(anyMoment, lie), { maxLength: 60 }).map((pairs) =>
    pairs.map(([moment, days], at): ReceivedSnapshot => {
      return { id: `forged ${at}`, received: moment, claimed: days === undefined ? undefined : moment + days * day }
    }),
  )
  const anySuspect = anyMoment.map((moment): ReceivedSnapshot => ({
    id: 'suspect',
    received: moment,
    claimed: moment,
    suspect: true,
  }))
  const property = fc.property(
    anyLegitimate,
    anyForged,
    anySuspect,
    anyPolicy,
    (legitimate, forged, suspect, policy) => {
      const with_ = new Set(keptIds(planRetention([...forged, suspect, ...legitimate], policy, options)))
      for (const id of keptIds(planRetention(legitimate, policy, options))) assert.ok(with_.has(id))
    },
  )
  fc.assert(property, { ...seeded(), numRuns: 60 })
})

test('every snapshot is kept or removed, newest first', () => {
  const property = fc.property(fc.array(anyMoment), anyPolicy, (moments, policy) => {
    const snapshots = moments.map((moment, at): ReceivedSnapshot => ({
      id: `${at}`,
      received: moment,
      claimed: moment - (at % 3) * 4 * day,
    }))
    const { groups } = planRetention(snapshots, policy, options)
    const lists = groups.flatMap(({ keep, remove }) => [keep.map(({ snapshot }) => snapshot), remove])
    assert.equal(new Set(lists.flat()).size, snapshots.length)
    assert.equal(lists.flat().length, snapshots.length)
    for (const list of lists)
      assert.deepEqual(
        list,
        list.toSorted((a, b) => b.received - a.received),
      )
  })
  fc.assert(property, { ...seeded(), numRuns: 60 })
})

test('a retention that keeps nothing is refused', () => {
  assert.throws(() => planRetention(received(1), { last: 0 }, options), { code: 'POLICY_EMPTY' })
})

const nightly = planRetention(received(...numbers(0, 30)), { counts: { daily: 30 } }, options)
const harsh = planRetention(received(...numbers(0, 30)), { last: 3 }, options)
const unusual = { answer: 'unusual', findings: [], runs: 9, because: '900 files changed: 40 times the usual.' } as const

/** One row a situation: what is known, and what the brake says. */
const table: readonly (readonly [
  name: string,
  view: BrakeView<ReceivedSnapshot>,
  codes: readonly string[],
  sentence?: string,
])[] = [
  ['one of 31 each night passes', { plan: nightly }, []],
  ['one of four passes too', { plan: planRetention(received(0, 1, 2, 3), { last: 3 }, options) }, []],
  [
    'a policy that was cut to three does not',
    { plan: harsh },
    ['TOO_MANY_SNAPSHOTS'],
    '28 of 31 snapshots would be removed, 90 %; up to 25 % go without a person.',
  ],
  ['unless the limit allows it', { plan: harsh, limits: { snapshots: 0.95, bytes: 0.1 } }, []],
  [
    'few snapshots can be most of the bytes',
    { plan: nightly, bytes: { removed: 3 * 1024 ** 3, total: 4 * 1024 ** 3 } },
    ['TOO_MANY_BYTES'],
    '3.000 GiB of 4.000 GiB would be removed, 75 %; up to 25 % go without a person.',
  ],
  ['bytes within the limit pass', { plan: nightly, bytes: { removed: 1, total: 4 } }, []],
  [
    'a client that may have been attacked loses nothing',
    { plan: nightly, attacked: true },
    ['CLIENT_ATTACKED'],
    'This client may have been attacked: nothing is removed until that state is ended.',
  ],
  [
    'nor does one with an unusual run',
    { plan: nightly, judgements: [{ ...unusual, answer: 'usual' }, unusual] },
    ['RUN_UNUSUAL'],
    'A run was unusual. 900 files changed: 40 times the usual.',
  ],
  [
    'the last good snapshot stays, though newer ones are there',
    {
      plan: planRetention(
        [{ id: 'new', received: justNow, claimed: justNow }, ...received(1, 2)],
        { last: 1 },
        options,
      ),
    },
    ['LAST_GOOD_REMOVED'],
    'No snapshot of the group of all snapshots that is known to be good would be left: 2 would be removed.',
  ],
  [
    'a good one that is suspect does not count as good',
    {
      plan: planRetention(
        [{ id: 'new', received: justNow, claimed: justNow, good: true, suspect: true }, ...received(400)],
        { within: parseDuration('7d') },
        options,
      ),
    },
    [],
  ],
  [
    'nothing is ever emptied',
    { plan: planRetention(received(400, 500), { tags: [['misspelt']] }, options) },
    ['NOTHING_LEFT'],
    'All 2 snapshots of the group of all snapshots would be removed.',
  ],
  [
    'a flood of snapshots with honest times is seen',
    {
      plan: planRetention(
        [
          ...numbers(1, 60).map((at) => ({ id: `f${at}`, received: now - at * 60_000, claimed: now, good: true })),
          ...received(...numbers(2, 16)),
        ],
        { last: 60 },
        options,
      ),
      plannedPerDay: 1,
    },
    ['SNAPSHOT_FLOOD'],
    '60 snapshots were received within one day, where 1 are planned.',
  ],
  [
    'unless a person has looked at it',
    {
      plan: planRetention(received(...numbers(1, 90).map((at) => at / 100), 3), { last: 90 }, options),
      plannedPerDay: 1,
      lookedAtUntil: now,
    },
    [],
  ],
  ['many that were planned are none', { plan: nightly, plannedPerDay: 1 }, []],
  [
    'a wrong clock stops it',
    { plan: nightly, clockDifference: -2 * day },
    ['CLOCKS_DIFFER'],
    'The clocks of server and storage differ by 2 days: one of them is wrong.',
  ],
  [
    'a plan that removes nothing is never stopped',
    { plan: planRetention(received(0, 1), { last: 9 }, options), attacked: true },
    [],
  ],
]

for (const [name, view, codes, sentence] of table) {
  test(`the brake: ${name}`, () => {
    const reasons = brakeOn(view)
    assert.deepEqual(
      reasons.map(({ code }) => code),
      codes,
    )
    if (sentence !== undefined) assert.equal(reasons[0]?.sentence, sentence)
  })
}

test('the brake never lets the last good snapshot of a group go, whatever the policy', () => {
  const snapshots = fc.array(fc.tuple(anyMoment, fc.boolean(), fc.boolean(), fc.constantFrom('a', 'b')), {
    minLength: 1,
    maxLength: 20,
  })
  const property = fc.property(snapshots, anyPolicy, (list, policy) => {
    fc.pre(policy.last !== 0)
    const all = list.map(([moment, good, suspect, hostname], at) => ({
      id: `${at}`,
      received: moment,
      claimed: moment,
      good,
      suspect,
      hostname,
    }))
    const plan = planRetention(all, policy, options)
    if (brakeOn({ plan, limits: { snapshots: 1, bytes: 1 } }).length > 0) return
    for (const { keep, remove } of plan.groups) {
      const goodLeft = keep.some(({ snapshot }) => snapshot.good && !snapshot.suspect)
      assert.ok(goodLeft || remove.every(({ good, suspect }) => !good || suspect))
    }
  })
  fc.assert(property, { ...seeded(), numRuns: 60 })
})
