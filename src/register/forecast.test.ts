import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import { compareWithLimit, forecastRestore } from './index.ts'
import type { DiskEvidence, Forecast, LineEvidence, MeasuredRestore, RestoreEvidence, RestoreTask } from './index.ts'

const day = 86_400_000
const mib = 1024 ** 2
const now = Date.parse('2026-11-23T12:00:00Z')
const by = { kind: 'machine', id: 'm1', name: 'nas-1' } as const

const task: RestoreTask = { copy: 'office', machine: 'nas-1', bytes: 100_000 * mib, files: 100_000 }

interface When {
  readonly daysAgo?: number
  readonly holdsDays?: number
}

function evidence<Values>(kind: string, values: Values, { daysAgo = 0, holdsDays = 90 }: When = {}) {
  const at = now - daysAgo * day
  return { id: `${kind} ${daysAgo}`, kind, by, at, holdsUntil: at + holdsDays * day, values }
}

/** A restore at 100 MiB and 100 files a second, unless said otherwise. */
function restore(values: Partial<MeasuredRestore> = {}, when: When = {}): RestoreEvidence {
  const whole = {
    scope: 'whole',
    copy: 'office',
    machine: 'nas-1',
    bytes: task.bytes,
    files: task.files,
    seconds: 1000,
  } as const
  return evidence('restore', { ...whole, ...values }, when)
}

function sample(share: number, when: When = {}): RestoreEvidence {
  return restore({ scope: 'sample', bytes: task.bytes * share, files: task.files * share, seconds: 1000 * share }, when)
}

function line(mebibytes: number, when: When = {}): LineEvidence {
  return evidence('line', { copy: 'office', machine: 'nas-1', bytesPerSecond: mebibytes * mib }, when)
}

function disk(mebibytes: number, when: When = {}): DiskEvidence {
  return evidence('disk', { machine: 'nas-1', bytesPerSecond: mebibytes * mib }, when)
}

interface Measured {
  readonly restores?: readonly RestoreEvidence[]
  readonly lines?: readonly LineEvidence[]
  readonly disks?: readonly DiskEvidence[]
  readonly task?: Partial<RestoreTask>
}

function forecast({ restores = [], lines = [], disks = [], task: changes }: Measured): Forecast {
  return forecastRestore({ ...task, ...changes }, { restores, lines, disks }, now)
}

/** `low likely high` in whole seconds, or `unknown`. */
function show(found: Forecast): string {
  return found.known ? [found.low, found.likely, found.high].map((seconds) => Math.round(seconds)).join(' ') : 'unknown'
}

const three = [restore({}, { daysAgo: 0 }), restore({ seconds: 1100 }), restore({ seconds: 1200 })]
const elsewhere = restore({ copy: 'outside', machine: 'spare' })

/** One row a situation: what was measured, the seconds, and a sentence that must be among the reasons. */
const table: readonly (readonly [name: string, measured: Measured, seconds: string, reason: string])[] = [
  [
    'three whole restores give a narrow forecast',
    { restores: three },
    '1000 1100 1200',
    'Based on 3 whole restores from this copy to this machine; the last was 0 seconds ago, by nas-1: 100.000 MiB/s, 100 files a second.',
  ],
  ['one measurement is less sure', { restores: [restore()] }, '1000 1000 1500', 'It was measured once only.'],
  [
    'a small sample is less sure still, and is called what it is',
    { restores: [sample(0.001)] },
    '571 1000 2625',
    'A sample gives a rate, not a restore time; the largest held less than 1 % of the bytes.',
  ],
  [
    'an old measurement widens it',
    { restores: [restore({}, { daysAgo: 80 })] },
    '692 1000 2167',
    'Some of it was measured long ago.',
  ],
  [
    'one that no longer holds is none',
    { restores: [restore({}, { daysAgo: 100 })] },
    'unknown',
    'No restore from this copy to this machine was measured lately: the last was 100 days ago, by nas-1.',
  ],
  ['nothing measured is not known', {}, 'unknown', 'No restore from this copy to this machine was ever measured.'],
  [
    'a measurement of tomorrow is none',
    { restores: [restore({}, { daysAgo: -1 })] },
    'unknown',
    'No restore from this copy to this machine was ever measured.',
  ],
  [
    'large files measured, small ones to restore: between the time by bytes and the time by files',
    { restores: three.map(() => restore({ files: 10_000 })) },
    '1000 3162 10000',
    'The files that were measured are of other sizes than all of them together: by files it takes another time than by bytes.',
  ],
  [
    'whole restores come before samples',
    { restores: [...three, sample(0.01)] },
    '1000 1100 1200',
    'Older restores, and samples beside whole ones, count only where they were slower.',
  ],
  [
    'but a sample that was much slower since is heard',
    { restores: [...three, restore({ scope: 'sample', bytes: task.bytes / 2, files: task.files / 2, seconds: 5000 })] },
    '1000 1100 10000',
    'Older restores, and samples beside whole ones, count only where they were slower.',
  ],
  [
    'a slow restore that expired stays slow, until newer ones replace it',
    { restores: [restore({ seconds: 9000 }, { daysAgo: 100 }), ...three.slice(0, 2)] },
    '1000 1050 16875',
    'Older restores, and samples beside whole ones, count only where they were slower.',
  ],
  [
    'three newer ones replace it',
    { restores: [restore({ seconds: 9000 }, { daysAgo: 100 }), ...three] },
    '1000 1100 1200',
    'Based on 3 whole restores from this copy to this machine; the last was 0 seconds ago, by nas-1: 100.000 MiB/s, 100 files a second.',
  ],
  [
    'no restore is faster than the line',
    { restores: three, lines: [line(10)] },
    '10000 10000 10000',
    'The line, measured at 10.000 MiB/s, needs 2.8 hours for 97.656 GiB.',
  ],
  [
    'a fast line makes nothing faster',
    { restores: three, lines: [line(1000)] },
    '1000 1100 1200',
    'The line, measured at 1000.000 MiB/s, needs 1.7 minutes for 97.656 GiB.',
  ],
  [
    'over the line goes what is stored',
    { restores: three, lines: [line(10)], task: { storedBytes: 50_000 * mib } },
    '5000 5000 5000',
    'The line, measured at 10.000 MiB/s, needs 1.4 hours for 48.828 GiB.',
  ],
  [
    'nor is it faster than the disk',
    { restores: three, lines: [line(1000)], disks: [disk(50)] },
    '2000 2000 2000',
    'The disk, measured at 50.000 MiB/s, needs 33 minutes for 97.656 GiB.',
  ],
  [
    'restores that share a line share its speed',
    { restores: three, lines: [line(100)], task: { sharing: 4 } },
    '4000 4000 4000',
    '4 restores share the line.',
  ],
  [
    'also when nobody measured the line',
    { restores: three, task: { sharing: 4 } },
    '1000 4400 4800',
    '4 restores share the line.',
  ],
  [
    'measured elsewhere, with line and disk not measured here, is not known',
    { restores: [elsewhere] },
    'unknown',
    'Restores were measured in other places only, and the line and the disk here were not measured.',
  ],
  [
    'nor with the disk alone',
    { restores: [elsewhere], disks: [disk(100)], lines: [line(50, { daysAgo: 100 })] },
    'unknown',
    'Restores were measured in other places only, and the line here was not measured.',
  ],
  [
    'measured elsewhere, with line and disk measured here, is known, and wide',
    { restores: [elsewhere], disks: [disk(200)], lines: [line(50)] },
    '2000 2000 2000',
    'Another machine or another copy may be slower or faster.',
  ],
  [
    'measurements that say nothing are none',
    { restores: [restore({ seconds: 0 }), restore({ bytes: 0 }), restore({ files: 0 })] },
    'unknown',
    'No restore from this copy to this machine was ever measured.',
  ],
]

for (const [name, measured, seconds, reason] of table) {
  test(name, () => {
    const found = forecast(measured)
    assert.equal(show(found), seconds, found.reasons.join('\n'))
    assert.ok(found.reasons.includes(reason), found.reasons.join('\n'))
  })
}

test('a forecast fits only when its high end does', () => {
  const sure = forecast({ restores: three })
  const answers = [1300, 1200, 1150, 1000].map((limit) => compareWithLimit(sure, limit))
  assert.deepEqual(
    answers.map(({ answer }) => answer),
    ['fits', 'fits', 'may not fit', 'does not fit'],
  )
  assert.deepEqual(answers.map(({ because }) => because).slice(1), [
    'The restore takes about 18 minutes (17 minutes to 20 minutes); it may take 20 minutes.',
    'The restore takes about 18 minutes (17 minutes to 20 minutes); it may take 19 minutes: a whole restore, timed, would settle it.',
    'The restore takes about 18 minutes (17 minutes to 20 minutes), but it may take 17 minutes.',
  ])
  assert.equal(compareWithLimit(forecast({}), 1e9).answer, 'not known')
})

test('a forecast names the evidence that it was taken from', () => {
  const found = forecast({ restores: three, lines: [line(10)] })
  assert.deepEqual(found.known && found.basedOn.map(({ kind }) => kind), ['restore', 'restore', 'restore', 'line'])
})

const anyRestore = fc
  .record({
    scope: fc.constantFrom('whole' as const, 'sample' as const),
    share: fc.double({ min: 0.001, max: 1, noNaN: true }),
    filesPerByte: fc.double({ min: 0.1, max: 10, noNaN: true }),
    seconds: fc.integer({ min: 1, max: 100_000 }),
    machine: fc.constantFrom('nas-1', 'nas-1', 'spare'),
    daysAgo: fc.nat(200),
    holdsDays: fc.integer({ min: 1, max: 200 }),
  })
  .map(({ scope, share, filesPerByte, seconds, machine, daysAgo, holdsDays }) =>
    restore(
      { scope, machine, seconds, bytes: task.bytes * share, files: Math.ceil(task.files * share * filesPerByte) },
      { daysAgo, holdsDays },
    ),
  )
const anyLine = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.nat(200)), { maxLength: 2 })
  .map((pairs) => pairs.map(([rate, daysAgo]) => line(rate, { daysAgo })))

test('low is never above likely, nor likely above high, and there is always a reason', () => {
  const property = fc.property(fc.array(anyRestore, { maxLength: 8 }), anyLine, (restores, lines) => {
    const found = forecast({ restores, lines, disks: [disk(100)] })
    assert.ok(found.reasons.length > 0)
    if (!found.known) return
    assert.ok(0 < found.low && found.low <= found.likely && found.likely <= found.high && Number.isFinite(found.high))
  })
  fc.assert(property, { ...seeded(), numRuns: 500 })
})

test('age never makes a forecast better: the high end only rises, and what is not known stays so', () => {
  const property = fc.property(
    fc.array(anyRestore, { maxLength: 8 }),
    anyLine,
    fc.integer({ min: 1, max: 300 }),
    (restores, lines, days) => {
      const measured = { restores, lines, disks: [disk(100)] }
      const today = forecastRestore(task, measured, now)
      const later = forecastRestore(task, measured, now + days * day)
      if (!today.known) return assert.ok(!later.known)
      if (later.known) assert.ok(later.high >= today.high * (1 - 1e-9))
    },
  )
  fc.assert(property, { ...seeded(), numRuns: 500 })
})

test('without its fastest restore a forecast is never better', () => {
  const fast = restore({ seconds: 1 })
  const others = fc.array(anyRestore, { maxLength: 2 })
  const property = fc.property(others, (restores) => {
    const today = forecast({ restores: [...restores, fast], lines: [line(100)], disks: [disk(100)] })
    const without = forecast({ restores, lines: [line(100)], disks: [disk(100)] })
    if (today.known && without.known) assert.ok(without.high >= today.high * (1 - 1e-9))
  })
  fc.assert(property, { ...seeded(), numRuns: 500 })
})
