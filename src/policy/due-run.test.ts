import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import { dueRun, mostCounted, runsBetween, type RunSituation, type Schedule } from './index.ts'

const hourly: Schedule = { kind: 'every', minutes: 60, timeZone: 'UTC' }
const nightly: Schedule = { kind: 'daily', at: ['02:00'], timeZone: 'Europe/Berlin' }
const outsideWork: Schedule = { ...hourly, notBetween: [{ from: '08:00', to: '18:00' }] }

const minutes = (count: number) => count * 60_000
const hours = (count: number) => minutes(60 * count)
const since = at('2026-11-01 00:00')

function at(text: string): number {
  return Date.parse(`${text.replace(' ', 'T')}Z`)
}

function show(instant: number | undefined): string {
  return instant === undefined ? 'never' : new Date(instant).toISOString().slice(0, 16).replace('T', ' ')
}

/** A decision in one line. */
function decide(schedule: Schedule, situation: Omit<RunSituation, 'since'>): string {
  const decision = dueRun(schedule, { since, ...situation })
  if (decision.do === 'wait') {
    return `wait until ${show(decision.until)}${decision.open ? `, ${decision.open.count} open` : ''}`
  }
  const { planned, missed } = decision
  return `run ${show(planned)}${missed ? `, missed ${missed.count}: ${show(missed.first)} to ${show(missed.last)}` : ''}`
}

/** One row a situation. Where nothing else is said the last run was started at `last` and ended a minute later. */
const table: readonly (readonly [name: string, decision: string, expected: string])[] = [
  ['before the first planned run it waits', decide(nightly, { now: since }), 'wait until 2026-11-01 01:00'],
  [
    'a planned run that has come is run',
    after(nightly, { last: '2026-11-22 01:00', now: '2026-11-23 01:00' }),
    'run 2026-11-23 01:00',
  ],
  [
    'a run is not made twice',
    after(nightly, { last: '2026-11-23 01:00', now: '2026-11-23 01:00' }),
    'wait until 2026-11-24 01:00',
  ],
  [
    'one that is late is caught up',
    after(nightly, { last: '2026-11-22 01:00', now: '2026-11-23 07:30' }),
    'run 2026-11-23 01:00',
  ],
  [
    'a laptop that slept over the weekend catches up once, and what it missed is reported',
    after(nightly, { last: '2026-11-20 01:00', now: '2026-11-23 08:00' }),
    'run 2026-11-23 01:00, missed 2: 2026-11-21 01:00 to 2026-11-22 01:00',
  ],
  [
    'after it caught up it waits for the next',
    after(nightly, { last: '2026-11-23 08:00', now: '2026-11-23 08:01' }),
    'wait until 2026-11-24 01:00',
  ],
  [
    'while a run is under way nothing is started, and what comes due stays open',
    decide(hourly, { lastStarted: at('2026-11-23 10:00'), running: true, now: at('2026-11-23 12:30') }),
    'wait until never, 2 open',
  ],
  [
    'what came due meanwhile is run once it ends',
    after(hourly, { last: '2026-11-23 10:00', now: '2026-11-23 12:30' }),
    'run 2026-11-23 12:00, missed 1: 2026-11-23 11:00 to 2026-11-23 11:00',
  ],
  [
    'a run that is late waits for its hours',
    after(outsideWork, { last: '2026-11-23 05:00', now: '2026-11-23 09:00' }),
    'wait until 2026-11-23 18:00, 2 open',
  ],
  [
    'and is run when they begin',
    after(outsideWork, { last: '2026-11-23 05:00', now: '2026-11-23 18:00' }),
    'run 2026-11-23 18:00, missed 2: 2026-11-23 06:00 to 2026-11-23 07:00',
  ],
  [
    'a run that was cut off is made again',
    decide(nightly, { lastStarted: at('2026-11-23 01:00'), now: at('2026-11-23 01:30') }),
    'run 2026-11-23 01:00',
  ],
  [
    'but not at once: it may be what kills the machine',
    decide(nightly, { lastStarted: at('2026-11-23 01:00'), now: at('2026-11-23 01:02') }),
    'wait until 2026-11-23 01:10, 1 open',
  ],
  [
    'clock set forward by a year: one run, and a bounded report',
    after(hourly, { last: '2026-11-23 10:00', now: '2027-11-23 10:05', elapsed: minutes(30) }),
    `run 2027-11-23 10:00, missed ${mostCounted}: 2026-11-23 11:00 to 2027-11-23 09:00`,
  ],
  [
    'no storm after that',
    after(hourly, { last: '2027-11-23 10:05', now: '2027-11-23 10:06' }),
    'wait until 2027-11-23 11:00',
  ],
  [
    'clock set right again, by a year back: the next run comes as if nothing had been',
    after(hourly, { last: '2027-11-23 10:05', now: '2026-11-23 10:40', elapsed: minutes(5) }),
    'wait until 2026-11-23 11:00',
  ],
  [
    'clock set back by an hour: an hour that comes again is backed up again',
    after(hourly, { last: '2026-11-23 10:00', now: '2026-11-23 09:15', elapsed: minutes(15) }),
    'wait until 2026-11-23 10:00',
  ],
  [
    'clock set back after a long time: what passed since the last run counts, not what the clock says',
    after({ ...hourly, minutes: 360 }, { last: '2026-11-23 12:00', now: '2026-11-23 13:30', elapsed: hours(5) }),
    'run 2026-11-23 12:00',
  ],
  [
    'clock set back by seconds: the planned run that was just made is not made again',
    after(hourly, { last: '2026-11-23 10:00', now: '2026-11-23 09:59', elapsed: minutes(1) }),
    'wait until 2026-11-23 11:00',
  ],
  [
    'last run in the future, and nobody knows how long ago: one run rather than none for a year',
    after(hourly, { last: '2027-11-23 10:05', now: '2026-11-23 10:40' }),
    'run 2026-11-23 10:00',
  ],
  [
    'a few minutes in the future are a clock that was corrected',
    after(hourly, { last: '2026-11-23 10:02', now: '2026-11-23 09:59' }),
    'wait until 2026-11-23 11:00',
  ],
  [
    'a machine that woke up in 1970 runs once',
    after(hourly, { last: '2026-11-23 10:00', now: '1970-01-01 00:02' }),
    'run 1970-01-01 00:00',
  ],
  [
    'the hour that comes twice has its run once',
    decide({ ...nightly, at: ['02:30'] }, { ...ended('2026-10-25 00:30'), now: at('2026-10-25 01:35') }),
    'wait until 2026-10-26 01:30',
  ],
  [
    'the hour that is left out has its run all the same',
    decide({ ...nightly, at: ['02:30'] }, { ...ended('2027-03-27 01:30'), now: at('2027-03-28 01:00') }),
    'run 2027-03-28 01:00',
  ],
]

function ended(last: string) {
  return { lastStarted: at(last), lastFinished: at(last) + minutes(1) }
}

function after(schedule: Schedule, { last, now, elapsed }: { last: string; now: string; elapsed?: number }): string {
  return decide(schedule, { ...ended(last), now: at(now), elapsed })
}

for (const [name, decision, expected] of table) test(name, () => assert.equal(decision, expected))

test('a decision says why in a sentence', () => {
  const late = dueRun(nightly, { since, ...ended('2026-11-20 01:00'), now: at('2026-11-23 08:00') })
  assert.equal(late.because, 'It was planned for 2026-11-23 02:00, 7 hours ago, and is caught up.')
  const next = dueRun(nightly, { since, ...ended('2026-11-23 01:00'), now: at('2026-11-23 08:00') })
  assert.equal(next.because, 'The next run is planned for 2026-11-24 02:00.')
})

test('every planned run is run, missed or still to come: exactly one of them, however long the machine sleeps', () => {
  const anySchedule = fc.constantFrom<Schedule>(
    hourly,
    nightly,
    outsideWork,
    { kind: 'every', minutes: 25, timeZone: 'America/New_York', spreadMinutes: 20 },
    {
      kind: 'weekdays',
      at: ['07:45', '19:00'],
      timeZone: 'Australia/Lord_Howe',
      notBetween: [{ from: '08:00', to: '12:00' }],
    },
  )
  const anyBegin = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) })
  const step = fc.record({
    asleep: fc.integer({ min: 1000, max: hours(40) }),
    lasts: fc.integer({ min: 0, max: hours(3) }),
  })
  const property = fc.property(anySchedule, anyBegin, fc.array(step, { maxLength: 20 }), (schedule, begin, steps) => {
    const machine = 'machine'
    const run: number[] = []
    const missed: number[] = []
    let situation: RunSituation = { since: begin, now: begin }
    for (const { asleep, lasts } of steps) {
      const now = situation.now + asleep
      const decision = dueRun(schedule, { ...situation, now }, { machine })
      situation = { ...situation, now }
      if (decision.do === 'wait') {
        assert.ok(decision.until === undefined || decision.until > now)
        continue
      }
      run.push(decision.planned)
      const { first, last, count } = decision.missed ?? { first: 1, last: 0, count: 0 }
      const span = [...runsBetween(schedule, { after: first - 1, until: last }, { machine })]
      assert.equal(span.length, count)
      missed.push(...span)
      situation = { since: begin, now: now + lasts, lastStarted: now, lastFinished: now + lasts }
    }
    const settled = Math.max(begin, situation.lastStarted ?? begin)
    const planned = [...runsBetween(schedule, { after: begin, until: settled }, { machine })]
    assert.deepEqual(
      [...run, ...missed].toSorted((a, b) => a - b),
      planned,
    )
  })
  fc.assert(property, { ...seeded(), numRuns: 30 })
})

test('a clock that is set to anything at any time brings no storm: at most one run more than hours have passed and clocks were set', () => {
  const anyJump = fc.oneof(
    fc.constant(0),
    fc.constantFrom(-hours(1), hours(24 * 365), -hours(24 * 365), minutes(-2), minutes(7)),
  )
  const property = fc.property(fc.array(anyJump, { minLength: 1, maxLength: 15 }), (jumps) => {
    let [wall, monotonic, started, count] = [at('2026-11-23 00:30'), 0, 0, 0]
    let situation: Partial<RunSituation> = {}
    for (const jump of jumps) {
      monotonic += minutes(10)
      wall += minutes(10) + jump
      const decision = dueRun(hourly, { since, ...situation, now: wall, elapsed: monotonic - started })
      if (decision.do === 'wait') continue
      count++
      started = monotonic
      situation = { lastStarted: wall, lastFinished: wall + 1 }
    }
    assert.ok(count <= 1 + Math.ceil(monotonic / hours(1)) + jumps.filter((each) => each !== 0).length)
  })
  fc.assert(property, { ...seeded(), numRuns: 30 })
})

test('a clock that is set to anything never stops the backups: within an hour and a few minutes there is one', () => {
  const anyJump = fc.oneof(fc.constant(0), fc.integer({ min: -hours(24 * 400), max: 0 }))
  const property = fc.property(fc.array(anyJump, { minLength: 1, maxLength: 15 }), (jumps) => {
    let [wall, monotonic, started] = [at('2026-11-23 00:30'), 0, 0]
    let situation: Partial<RunSituation> = {}
    for (const jump of jumps) {
      // Once set, the clock is left alone for more than an hour: there must be a run by then.
      wall += jump
      for (let step = 0; step < 7; step++) {
        monotonic += minutes(10)
        wall += minutes(10)
        const decision = dueRun(hourly, { since: 0, ...situation, now: wall, elapsed: monotonic - started })
        if (decision.do === 'wait') continue
        started = monotonic
        situation = { lastStarted: wall, lastFinished: wall + 1 }
      }
      assert.ok(monotonic - started <= hours(1) + minutes(20))
    }
  })
  fc.assert(property, { ...seeded(), numRuns: 30 })
})
