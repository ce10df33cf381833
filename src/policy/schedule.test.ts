import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import { nextRun, planSchedule, runsBetween, type Hours, type Schedule } from './index.ts'
import { instantOf, toRfc3339, wallAt } from './zone.ts'

const berlin = { timeZone: 'Europe/Berlin' } as const
const utc = { timeZone: 'UTC' } as const

/** The first runs after a moment, as the clock on the wall shows them, with the offset where it matters. */
function runs(schedule: Schedule, after: string, count: number): string[] {
  const span = { after: Date.parse(after), until: Infinity }
  return [...runsBetween(schedule, span).take(count)].map((instant) =>
    toRfc3339(instant, schedule.timeZone).replace(':00.000', ''),
  )
}

const noWork: readonly Hours[] = [{ from: '08:00', to: '18:00' }]

/** One row a situation: schedule, moment, what comes next. */
const table: readonly (readonly [name: string, schedule: Schedule, after: string, next: readonly string[]])[] = [
  [
    'every 15 minutes counts from midnight',
    { kind: 'every', minutes: 15, ...berlin },
    '2026-11-23T07:07:00Z',
    ['2026-11-23T08:15+01:00', '2026-11-23T08:30+01:00'],
  ],
  [
    'every 7 hours begins anew each day',
    { kind: 'every', minutes: 420, from: '01:00', ...utc },
    '2026-11-23T14:00:00Z',
    ['2026-11-23T15:00+00:00', '2026-11-23T22:00+00:00', '2026-11-24T01:00+00:00'],
  ],
  [
    'every 4 hours is never more than 4 hours when clocks go forward',
    { kind: 'every', minutes: 240, ...berlin },
    '2026-03-28T22:59:00Z',
    ['2026-03-29T00:00+01:00', '2026-03-29T05:00+02:00', '2026-03-29T09:00+02:00'],
  ],
  [
    'every 30 minutes goes on in the hour that comes twice',
    { kind: 'every', minutes: 30, ...berlin },
    '2026-10-25T00:29:00Z',
    ['2026-10-25T02:30+02:00', '2026-10-25T02:00+01:00', '2026-10-25T02:30+01:00', '2026-10-25T03:00+01:00'],
  ],
  [
    'daily at a time that clocks leave out: when they go forward',
    { kind: 'daily', at: ['02:30'], ...berlin },
    '2026-03-28T12:00:00Z',
    ['2026-03-29T03:00+02:00', '2026-03-30T02:30+02:00'],
  ],
  [
    'daily at a time that comes twice: the first time only',
    { kind: 'daily', at: ['02:30'], ...berlin },
    '2026-10-24T12:00:00Z',
    ['2026-10-25T02:30+02:00', '2026-10-26T02:30+01:00'],
  ],
  [
    'daily at several times, in whatever order they are written',
    { kind: 'daily', at: ['17:00', '12:00'], ...utc },
    '2026-11-23T12:00:00Z',
    ['2026-11-23T17:00+00:00', '2026-11-24T12:00+00:00'],
  ],
  [
    'a day that a place left out altogether runs when the next begins',
    { kind: 'daily', at: ['12:00'], timeZone: 'Pacific/Apia' },
    '2011-12-29T23:00:00Z',
    ['2011-12-31T00:00+14:00', '2011-12-31T12:00+14:00'],
  ],
  [
    'weekdays leave out Saturday and Sunday',
    { kind: 'weekdays', at: ['20:00'], ...berlin },
    '2026-11-27T19:00:00Z',
    ['2026-11-30T20:00+01:00'],
  ],
  [
    'weekly on two days',
    { kind: 'weekly', days: ['sunday', 'wednesday'], at: ['03:00'], ...utc },
    '2026-11-23T00:00:00Z',
    ['2026-11-25T03:00+00:00', '2026-11-29T03:00+00:00'],
  ],
  [
    'monthly on the 31st is the last day of a shorter month',
    { kind: 'monthly', day: 31, at: ['01:00'], ...utc },
    '2027-12-31T02:00:00Z',
    ['2028-01-31T01:00+00:00', '2028-02-29T01:00+00:00', '2028-03-31T01:00+00:00', '2028-04-30T01:00+00:00'],
  ],
  [
    'monthly on the last day',
    { kind: 'monthly', day: 'last', at: ['23:59'], ...utc },
    '2027-02-01T00:00:00Z',
    ['2027-02-28T23:59+00:00', '2027-03-31T23:59+00:00'],
  ],
  [
    'a cron expression, of 29 February',
    { kind: 'cron', expression: '0 4 29 2 *', ...utc },
    '2026-11-23T00:00:00Z',
    ['2028-02-29T04:00+00:00', '2032-02-29T04:00+00:00'],
  ],
  [
    'a cron expression where clocks go forward',
    { kind: 'cron', expression: '30 2 * * *', ...berlin },
    '2026-03-28T12:00:00Z',
    ['2026-03-29T03:00+02:00', '2026-03-30T02:30+02:00'],
  ],
  [
    'no run between 8 and 18',
    { kind: 'every', minutes: 240, notBetween: noWork, ...utc },
    '2026-11-23T00:00:00Z',
    ['2026-11-23T04:00+00:00', '2026-11-23T20:00+00:00', '2026-11-24T00:00+00:00'],
  ],
  [
    'the hours end with their last minute',
    { kind: 'every', minutes: 60, onlyBetween: [{ from: '18:00', to: '20:00' }], ...utc },
    '2026-11-23T12:00:00Z',
    ['2026-11-23T18:00+00:00', '2026-11-23T19:00+00:00', '2026-11-24T18:00+00:00'],
  ],
  [
    'hours over midnight belong to the day on which they begin',
    { kind: 'every', minutes: 180, onlyBetween: [{ from: '22:00', to: '04:00', days: ['friday'] }], ...utc },
    '2026-11-23T00:00:00Z',
    ['2026-11-28T00:00+00:00', '2026-11-28T03:00+00:00', '2026-12-05T00:00+00:00'],
  ],
  [
    'Sunday night goes over into Monday',
    { kind: 'daily', at: ['01:00'], onlyBetween: [{ from: '22:00', to: '06:00', days: ['sunday'] }], ...utc },
    '2026-11-24T00:00:00Z',
    ['2026-11-30T01:00+00:00'],
  ],
]

for (const [name, schedule, after, expected] of table) {
  test(name, () => assert.deepEqual(runs(schedule, after, expected.length), expected))
}

test('a schedule that never fires says so, and soon', () => {
  const never: readonly Schedule[] = [
    { kind: 'daily', at: ['12:00'], notBetween: noWork, ...berlin },
    { kind: 'cron', expression: '0 0 30 2 *', ...utc },
    { kind: 'cron', expression: '* 12 * * *', notBetween: noWork, ...utc },
    { kind: 'every', minutes: 1, notBetween: [{ from: '00:00', to: '24:00' }], ...utc },
    { kind: 'monthly', day: 1, at: ['09:00'], notBetween: noWork, ...utc },
  ]
  for (const schedule of never) assert.equal(nextRun(schedule, Date.parse('2026-11-23T00:00:00Z')), undefined)
})

test('what no schedule can be made of is refused with one sentence', () => {
  const wrong: readonly (readonly [schedule: Schedule, code: string])[] = [
    [{ kind: 'daily', at: ['2:00'], ...utc }, 'TIME_OF_DAY_INVALID'],
    [{ kind: 'daily', at: ['24:00'], ...utc }, 'TIME_OF_DAY_INVALID'],
    [{ kind: 'daily', at: ['12:60'], ...utc }, 'TIME_OF_DAY_INVALID'],
    [{ kind: 'daily', at: [], ...utc }, 'SCHEDULE_INVALID'],
    [{ kind: 'weekly', days: [], at: ['02:00'], ...utc }, 'SCHEDULE_INVALID'],
    [{ kind: 'monthly', day: 32, at: ['02:00'], ...utc }, 'SCHEDULE_INVALID'],
    [{ kind: 'every', minutes: 0, ...utc }, 'SCHEDULE_INVALID'],
    [{ kind: 'every', minutes: 0.5, ...utc }, 'SCHEDULE_INVALID'],
    [{ kind: 'cron', expression: '* * *', ...utc }, 'SCHEDULE_INVALID'],
    [{ kind: 'cron', expression: '0 0 2 * * *', ...utc }, 'SCHEDULE_INVALID'],
    [{ kind: 'cron', expression: '@reboot', ...utc }, 'SCHEDULE_INVALID'],
    [{ kind: 'daily', at: ['02:00'], timeZone: 'Mars/Olympus' }, 'TIME_ZONE_UNKNOWN'],
    [{ kind: 'daily', at: ['02:00'], timeZone: '' }, 'TIME_ZONE_UNKNOWN'],
    [{ kind: 'daily', at: ['02:00'], notBetween: [{ from: '08:00', to: '08:00' }], ...utc }, 'HOURS_EMPTY'],
  ]
  for (const [schedule, code] of wrong) assert.throws(() => nextRun(schedule, 0), { code }, JSON.stringify(schedule))
})

test('a thousand machines spread over the minutes, each always at its own place', () => {
  const schedule: Schedule = { kind: 'daily', at: ['02:00'], spreadMinutes: 10, ...utc }
  const midnight = Date.parse('2026-11-23T00:00:00Z')
  const perMinute = new Map<number, number>()
  for (let id = 0; id < 1000; id++) {
    const at = nextRun(schedule, midnight, { machine: `machine-${id}` }) as number
    assert.equal(nextRun(schedule, at, { machine: `machine-${id}` }), at + 86_400_000)
    const late = Math.floor((at - midnight) / 60_000) - 120
    perMinute.set(late, (perMinute.get(late) ?? 0) + 1)
  }
  assert.deepEqual(
    [...perMinute.keys()].toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
  assert.ok([...perMinute.values()].every((machines) => machines > 60 && machines < 140))
})

test('spreading pushes no run into forbidden hours', () => {
  const schedule: Schedule = { kind: 'daily', at: ['07:58'], notBetween: noWork, spreadMinutes: 60, ...utc }
  for (let id = 0; id < 100; id++) {
    const { next, mayStart } = planSchedule(schedule, { machine: `m${id}` })
    const at = next(Date.parse('2026-11-23T00:00:00Z')) as number
    assert.ok(mayStart(at), new Date(at).toISOString())
  }
})

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Asia/Kathmandu',
  'Africa/Casablanca',
  'America/St_Johns',
]
const anyTime = fc
  .tuple(fc.nat(23), fc.nat(59))
  .map((parts) => parts.map((part) => `${part}`.padStart(2, '0')).join(':'))
const anyHours = fc.record({ from: anyTime, to: anyTime }).filter(({ from, to }) => from !== to)
const anyInstant = fc.integer({ min: Date.UTC(2005, 0), max: Date.UTC(2035, 0) })

function anySchedule(): fc.Arbitrary<Schedule> {
  const common = {
    timeZone: fc.constantFrom(...zones),
    notBetween: fc.array(anyHours, { maxLength: 2 }),
    spreadMinutes: fc.nat(90),
  }
  const at = fc.array(anyTime, { minLength: 1, maxLength: 3 })
  return fc.oneof(
    fc.record({
      kind: fc.constant('every' as const),
      minutes: fc.integer({ min: 10, max: 1440 }),
      from: anyTime,
      ...common,
    }),
    fc.record({ kind: fc.constantFrom('daily' as const, 'weekdays' as const), at, ...common }),
    fc.record({ kind: fc.constant('monthly' as const), day: fc.integer({ min: 1, max: 31 }), at, ...common }),
    fc.record({
      kind: fc.constant('cron' as const),
      expression: fc.constantFrom('*/20 * * * *', '5 2,14 * * 1-5'),
      ...common,
    }),
  )
}

test('the next run is later, within the hours, and the first: whoever asks from anywhere before it gets the same', () => {
  const property = fc.property(
    anySchedule(),
    anyInstant,
    fc.double({ min: 0, max: 1, noNaN: true }),
    (schedule, after, part) => {
      const { next, mayStart } = planSchedule(schedule, { machine: 'some machine' })
      const at = next(after)
      if (at === undefined) return
      assert.ok(at > after)
      assert.ok(mayStart(at))
      assert.equal(next(after + Math.floor((at - after - 1) * part)), at)
    },
  )
  fc.assert(property, { ...seeded(), numRuns: 100 })
})

test('every so many minutes leaves no gap that is longer, whatever clocks do', () => {
  const property = fc.property(
    fc.constantFrom(...zones),
    anyInstant,
    fc.integer({ min: 1, max: 1440 }),
    (timeZone, after, minutes) => {
      const { next } = planSchedule({ kind: 'every', minutes, timeZone })
      const first = next(after) as number
      assert.ok((next(first) as number) - first <= minutes * 60_000)
    },
  )
  fc.assert(property, seeded())
})

test('the wall shows the time again that an instant was found for, unless clocks leave it out', () => {
  const property = fc.property(fc.constantFrom(...zones), anyInstant, (timeZone, instant) => {
    const wall = wallAt(instant, timeZone)
    const found = instantOf(wall, timeZone)
    assert.equal(wallAt(found, timeZone), wall)
    assert.ok(found <= instant)
  })
  fc.assert(property, { ...seeded(), numRuns: 1000 })
})
