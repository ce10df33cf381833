import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import { estimateFirstCopy, limitAt, planSchedule, restNow, type FirstCopy, type Limits, type Rest } from './index.ts'

const timeZone = 'Europe/Berlin'
const workdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'] as const
const office: Limits = {
  upload: 4096,
  hours: [
    { from: '08:00', to: '18:00', days: workdays, upload: 512, download: 1024 },
    { from: '12:00', to: '13:00', upload: 0 },
    { from: '22:00', to: '06:00', download: 8000 },
  ],
}

function at(text: string): number {
  return Date.parse(`${text.replace(' ', 'T')}+01:00`)
}

function show(instant: number | undefined): string | undefined {
  return instant === undefined ? undefined : new Date(instant + 3_600_000).toISOString().slice(0, 16).replace('T', ' ')
}

/** A Monday, Tuesday … of 2026: what holds, and until when. */
const table = [
  ['2026-11-23 07:59', { upload: 4096 }, '2026-11-23 08:00'],
  ['2026-11-23 08:00', { upload: 512, download: 1024 }, '2026-11-23 12:00'],
  ['2026-11-23 12:30', { upload: 0, download: 1024 }, '2026-11-23 13:00'],
  ['2026-11-23 18:00', { upload: 4096 }, '2026-11-23 22:00'],
  ['2026-11-23 23:00', { upload: 4096, download: 8000 }, '2026-11-24 06:00'],
  ['2026-11-28 09:00', { upload: 4096 }, '2026-11-28 12:00'],
] as const

test('the limits of the hour hold, the lowest of several, until the next change', () => {
  for (const [moment, rates, until] of table) {
    const { until: change, ...found } = limitAt(office, at(moment), timeZone)
    assert.deepEqual({ ...found, until: show(change) }, { ...rates, until }, moment)
  }
})

test('limits without hours never change, and none are none', () => {
  assert.deepEqual(limitAt({ download: 100 }, 0, 'UTC'), { download: 100, until: undefined })
  assert.deepEqual(limitAt({}, 0, 'UTC'), { until: undefined })
})

test('between now and the next change the limits are the same, also when clocks are set', () => {
  const instant = fc.integer({ min: Date.UTC(2026, 2, 27), max: Date.UTC(2026, 2, 31) })
  const anyPart = fc.double({ min: 0, max: 1, noNaN: true })
  const hours = { from: '01:30', to: '02:30', upload: 7 }
  const property = fc.property(instant, anyPart, fc.boolean(), (moment, part, autumn) => {
    const start = autumn ? moment + Date.UTC(2026, 9, 25) - Date.UTC(2026, 2, 29) : moment
    const { until, upload } = limitAt({ hours: [hours] }, start, timeZone)
    assert.ok(until !== undefined && until > start)
    assert.equal(limitAt({ hours: [hours] }, start + Math.floor((until - start - 1) * part), timeZone).upload, upload)
    assert.notEqual(limitAt({ hours: [hours] }, until, timeZone).upload, upload)
  })
  fc.assert(property, { ...seeded(), numRuns: 300 })
})

const monday = at('2026-11-23 10:00')
const rests: readonly (readonly [rest: Rest, machine: object, because: string | undefined])[] = [
  [{}, { batteryPercent: 1, meteredLine: true }, undefined],
  [{ batteryBelow: 30 }, { batteryPercent: 30 }, undefined],
  [{ batteryBelow: 30 }, {}, undefined],
  [{ batteryBelow: 30 }, { batteryPercent: 29 }, 'The machine runs on its battery, at 29 %: backups wait below 30 %.'],
  [
    { batteryBelow: 100 },
    { batteryPercent: 100 },
    'The machine runs on its battery, at 100 %: backups wait for mains power.',
  ],
  [{ onMeteredLine: true }, { meteredLine: true }, 'The line is paid for by use: backups wait for another one.'],
  [{ onMeteredLine: true }, { meteredLine: false }, undefined],
  [{ onMeteredLine: true }, {}, undefined],
  [{ hours: [{ from: '09:00', to: '11:30' }] }, {}, 'These are hours of rest, which end at 2026-11-23 11:30.'],
  [{ hours: [{ from: '11:00', to: '11:30' }] }, {}, undefined],
]

test('a machine rests for the reason that it gives, and never for what it does not know', () => {
  for (const [rest, machine, because] of rests) {
    assert.equal(restNow(rest, { now: monday, timeZone, ...machine })?.because, because)
  }
})

const daily = planSchedule({ kind: 'daily', at: ['10:00'], timeZone })
const gibibyte = 1024 ** 3
const copy: FirstCopy = { now: monday, timeZone, bytes: 36 * gibibyte, lineRate: 1024 ** 2, limits: {}, rest: {} }

test('a first copy takes as long as the measured line needs', () => {
  const { line, because } = estimateFirstCopy(copy, daily)
  assert.deepEqual(line, { begin: monday, done: monday + 36 * 1024 * 1000 })
  assert.deepEqual(because, [
    '36.000 GiB over a line measured at 1.000 MiB/s are done in 10 hours, on 2026-11-23 20:14, with the limits and hours of the policy.',
  ])
})

test('limits and hours of rest make it later', () => {
  // From 10:00 half the rate until 18:00, with a pause of an hour: 3.5 of the 10.24 hours are done by then.
  const limits: Limits = { hours: [{ from: '08:00', to: '18:00', upload: 512 }] }
  const rest: Rest = { hours: [{ from: '12:00', to: '13:00' }] }
  const { line } = estimateFirstCopy({ ...copy, limits, rest }, daily)
  assert.equal(show(line?.done), '2026-11-24 00:44')
})

test('hours in which no run may start put off the beginning', () => {
  const evening = planSchedule({ kind: 'daily', at: ['20:00'], timeZone, notBetween: [{ from: '08:00', to: '18:00' }] })
  assert.equal(show(estimateFirstCopy(copy, evening).line?.begin), '2026-11-23 18:00')
})

test('by disk is faster where it is, and both numbers are given', () => {
  const disk = { writeRate: 100 * 1024 ** 2, readRate: 100 * 1024 ** 2, travel: 24 * 3_600_000 }
  const estimate = estimateFirstCopy({ ...copy, bytes: 1024 * gibibyte, disk }, daily)
  assert.equal(estimate.faster, 'disk')
  assert.deepEqual(estimate.because, [
    '1.000 TiB over a line measured at 1.000 MiB/s are done in 12 days, on 2026-12-05 13:16, with the limits and hours of the policy.',
    'By disk it is done in 1.2 days, of which 1 day are the way.',
    'By disk is faster.',
  ])
  assert.equal(estimateFirstCopy({ ...copy, disk }, daily).faster, 'line')
})

test('a line that nobody measured, or that is paused for ever, gives no date', () => {
  const unmeasured = estimateFirstCopy({ ...copy, lineRate: undefined }, daily)
  assert.deepEqual(unmeasured.because, ['How long it takes over the line can not be said: the line was not measured.'])
  assert.equal(unmeasured.line, undefined)
  const paused = estimateFirstCopy({ ...copy, limits: { upload: 0 } }, daily)
  assert.equal(paused.line, undefined)
  assert.equal(
    estimateFirstCopy(
      { ...copy, bytes: 1024 ** 5, limits: { hours: [{ from: '00:00', to: '01:00', upload: 1 }] } },
      daily,
    ).faster,
    undefined,
  )
})
