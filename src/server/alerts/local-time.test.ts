import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestDate, isQuiet } from './local-time.ts'

const night = { from: '22:00', to: '07:00' }
const berlin = 'Europe/Berlin'

const quietTimes: readonly (readonly [time: string, timeZone: string, isQuiet: boolean])[] = [
  ['2026-08-05T20:00:00Z', berlin, true],
  ['2026-08-05T19:59:00Z', berlin, false],
  ['2026-08-06T04:59:59Z', berlin, true],
  ['2026-08-06T05:00:00Z', berlin, false],
  ['2026-08-05T20:00:00Z', 'America/New_York', false],
  ['2026-08-06T02:00:00Z', 'America/New_York', true],
  ['2026-08-05T16:15:00Z', 'Asia/Kathmandu', true],
  ['2026-08-05T16:14:00Z', 'Asia/Kathmandu', false],
]

for (const [time, timeZone, quiet] of quietTimes) {
  test(`from 22:00 to 07:00 in ${timeZone}, ${time} is ${quiet ? 'quiet' : 'not quiet'}`, () => {
    assert.equal(isQuiet(night, timeZone, Date.parse(time)), quiet)
  })
}

test('quiet hours within one day do not go over midnight', () => {
  const lunch = { from: '12:00', to: '13:00' }
  assert.equal(isQuiet(lunch, 'UTC', Date.parse('2026-08-05T12:30:00Z')), true)
  assert.equal(isQuiet(lunch, 'UTC', Date.parse('2026-08-05T13:00:00Z')), false)
  assert.equal(isQuiet(undefined, 'UTC', Date.parse('2026-08-05T12:30:00Z')), false)
})

test('a daily digest has one date a day, from its hour on', () => {
  const daily = { every: 'day', hour: 8 } as const
  assert.equal(digestDate(daily, berlin, Date.parse('2026-08-05T05:59:00Z')), '2026-08-04')
  assert.equal(digestDate(daily, berlin, Date.parse('2026-08-05T06:00:00Z')), '2026-08-05')
  assert.equal(digestDate(daily, berlin, Date.parse('2026-08-06T05:59:00Z')), '2026-08-05')
})

test('a digest at an hour that clocks leap over comes in the next', () => {
  const daily = { every: 'day', hour: 2 } as const
  assert.equal(digestDate(daily, berlin, Date.parse('2026-03-29T00:59:00Z')), '2026-03-28')
  assert.equal(digestDate(daily, berlin, Date.parse('2026-03-29T01:00:00Z')), '2026-03-29')
})

test('a weekly digest has the date of its weekday, over the end of a year too', () => {
  const monday = { every: 'week', weekday: 1, hour: 9 } as const
  assert.equal(digestDate(monday, 'UTC', Date.parse('2026-08-05T12:00:00Z')), '2026-08-03')
  assert.equal(digestDate(monday, 'UTC', Date.parse('2026-08-03T08:59:00Z')), '2026-07-27')
  assert.equal(digestDate(monday, 'UTC', Date.parse('2026-08-03T09:00:00Z')), '2026-08-03')
  assert.equal(digestDate(monday, 'UTC', Date.parse('2027-01-02T12:00:00Z')), '2026-12-28')
})
