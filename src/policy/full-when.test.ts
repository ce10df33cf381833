import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import { fullWhen, type FullWhen, type UsedAt } from './index.ts'

const day = 86_400_000
const gib = 1024 ** 3
const now = Date.parse('2026-11-23T12:00:00Z')
const question = { now, capacity: 1000 * gib, timeZone: 'UTC' }

/** How full it was on each of the last days, in GiB; the last is today. */
function days(used: readonly number[]): UsedAt[] {
  return used.map((gibibytes, at) => ({ at: now - (used.length - 1 - at) * day, used: gibibytes * gib }))
}

function series(length: number, usedOn: (day: number) => number): UsedAt[] {
  return days(Array.from({ length }, (_, at) => usedOn(at)))
}

function daysUntil(answer: FullWhen): number {
  assert.equal(answer.answer, 'date', answer.because)
  return (answer.date - now) / day
}

test('steady growth goes on', () => {
  const answer = fullWhen(
    series(21, (at) => 500 + 10 * at),
    question,
  )
  assert.equal(daysUntil(answer), 30)
  assert.equal(answer.because, 'It fills by 10.000 GiB a day and will be full about 2026-12-23, by 21 measurements.')
})

test('weekly prunes make a saw; its tops count, not the last climb', () => {
  // 20 GiB a day, 105 less on Sundays: the tops rise by 35 a week.
  const answer = fullWhen(
    series(60, (at) => 200 + 20 * at - 105 * Math.floor(at / 7)),
    question,
  )
  const until = daysUntil(answer)
  assert.ok(until > 50 && until < 100, `${until}`)
  assert.match(answer.because, /by the tops before the last 8 prunes\.$/)
})

test('when nothing is pruned any more the climb counts', () => {
  const saw = series(42, (at) => 300 + 20 * (at % 7))
  const climb = series(12, (at) => 420 + 20 * at)
  const all = [...saw.map(({ at, used }) => ({ at: at - 12 * day, used })), ...climb]
  const until = daysUntil(fullWhen(all, question))
  assert.ok(until > 15 && until < 20, `${until}`)
})

test('after one prune it may say too early, and says so', () => {
  const answer = fullWhen(
    series(20, (at) => 500 + 10 * at - (at >= 14 ? 100 : 0)),
    question,
  )
  assert.equal(daysUntil(answer), 41)
  assert.match(answer.because, /so rather too early\.$/)
})

test('one wild day moves nothing', () => {
  const steady = series(21, (at) => 500 + 10 * at)
  const wild = steady.map((point, at) => (at === 9 ? { ...point, used: point.used * 1.01 } : point))
  assert.ok(Math.abs(daysUntil(fullWhen(wild, question)) - 30) < 1)
})

/** One row a situation. */
const table: readonly (readonly [
  name: string,
  series: readonly UsedAt[],
  answer: FullWhen['answer'],
  because: string,
])[] = [
  ['nothing was measured', [], 'cannot say', 'That can not be said yet: it takes 5 measurements over 3 days.'],
  [
    'four days are too few',
    days([1, 2, 3, 4]),
    'cannot say',
    'That can not be said yet: it takes 5 measurements over 3 days.',
  ],
  [
    'an hour of measurements is too short',
    days([1, 2, 3, 4, 5, 6]).map(({ at, used }) => ({ at: now - (now - at) / 100, used })),
    'cannot say',
    'That can not be said yet: it takes 5 measurements over 3 days.',
  ],
  [
    'points of the future are nothing',
    days([1, 2, 3, 4, 5, 6]).map(({ at, used }) => ({ at: at + 30 * day, used })),
    'cannot say',
    'That can not be said yet: it takes 5 measurements over 3 days.',
  ],
  [
    'old points say nothing of today',
    days([1, 2, 3, 4, 5, 6]).map(({ at, used }) => ({ at: at - 30 * day, used })),
    'cannot say',
    'That can not be said: it was not measured for more than a week.',
  ],
  ['full is full', days([900, 1000]), 'full', 'It is full now.'],
  [
    'what stays the same is never full',
    days([500, 500, 500, 500, 500, 500]),
    'never',
    'It is not filling, by 6 measurements.',
  ],
  [
    'what shrinks is never full',
    days([505, 504, 503, 502, 501, 500]),
    'never',
    'It is not filling, by 6 measurements.',
  ],
  [
    'what grows slowly is not full within five years',
    series(30, (at) => 500 + at / 10),
    'never',
    'It fills by 102.400 MiB a day: not full within 5 years, by 30 measurements.',
  ],
  [
    'what goes up and down gives no date',
    days([500, 504, 499, 505, 500, 506, 498, 505, 502]),
    'cannot say',
    'That can not be said: it goes up and down, by 9 measurements.',
  ],
  [
    'a prune just now leaves too little to see',
    days([500, 300, 500, 290, 500]).map(({ at, used }) => ({ at: at, used })),
    'cannot say',
    'That can not be said yet: it was pruned too lately.',
  ],
]

for (const [name, points, answer, because] of table) {
  test(name, () => {
    const { answer: found, because: words } = fullWhen(points, question)
    assert.deepEqual({ found, words }, { found: answer, words: because })
  })
}

test('the order of the points does not matter, and earliest, date and latest are in order', () => {
  const anyPoints = fc.array(
    fc.record({ at: fc.integer({ min: now - 90 * day, max: now }), used: fc.integer({ min: 0, max: 1000 }) }),
    { maxLength: 40 },
  )
  const property = fc.property(anyPoints, (points) => {
    const distinct = [...new Map(points.map(({ at, used }) => [at, { at, used: used * gib }])).values()]
    const answer = fullWhen(distinct, question)
    assert.deepEqual(fullWhen(distinct.toReversed(), question), answer)
    if (answer.answer !== 'date') return
    assert.ok(now <= answer.earliest && answer.earliest <= answer.date)
    assert.ok(answer.latest === undefined || answer.date <= answer.latest)
  })
  fc.assert(property, seeded())
})

test('years of hourly measurements are no burden', () => {
  const hourly = Array.from({ length: 20_000 }, (_, at) => ({
    at: now - (20_000 - at) * (day / 24),
    used: (100 + at / 30) * gib,
  }))
  assert.equal(fullWhen(hourly, question).answer, 'date')
})
