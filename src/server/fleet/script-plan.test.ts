import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planOfScript } from './script-plan.ts'

const hour = 3_600_000
const day = 24 * hour
const daily = { hour: 3, minute: 0 }
const weekdays = { ...daily, days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'] as const }

const moments = (runs: readonly number[]) => runs.map((run) => new Date(run).toISOString().slice(0, 16))

test('a daily run is due a day after the last one, and as long as it may take', () => {
  const { every, planned } = planOfScript(daily, Date.parse('2026-03-10T02:10:00Z'), 3)
  assert.equal(every, day)
  assert.deepEqual(moments(planned), ['2026-03-11T05:00', '2026-03-12T05:00', '2026-03-13T05:00'])
})

test('nothing is due on days on which nothing is planned', () => {
  // A Friday, 03:20 in Berlin.
  const { every, planned } = planOfScript(
    { ...weekdays, days: [...weekdays.days] },
    Date.parse('2026-03-13T02:20:00Z'),
    2,
  )
  assert.equal(every, 3 * day)
  assert.deepEqual(moments(planned), ['2026-03-16T05:15', '2026-03-17T05:15'])
})

test('wherever the machine is, and however long its runs take, no run is due before it has ended', () => {
  for (const days of [undefined, ['sunday'] as const, ['monday', 'wednesday', 'friday'] as const, weekdays.days]) {
    for (let ahead = -12 * hour; ahead <= 14 * hour; ahead += hour / 4) {
      for (const [at, minute] of [
        [0, 0],
        [3, 0],
        [13, 45],
        [23, 59],
      ] as const) {
        const schedule = { hour: at, minute, ...(days && { days: [...days] }) }
        const midnight = Date.parse('2026-03-08T00:00:00Z') - ahead // a Sunday, there
        const runs = Array.from({ length: 15 }, (_, index) => index)
          .filter((index) => days === undefined || (days as readonly string[]).includes(names[index % 7] as string))
          .map((index) => midnight + index * day + at * hour + minute * 60_000)
        for (const [index, run] of runs.entries()) {
          const [next, after] = [runs[index + 1], runs[index + 2]]
          if (next === undefined || after === undefined) continue
          for (const took of [0, 2.9 * hour]) {
            const [due = 0] = planOfScript(schedule, run + took, 1).planned
            assert.ok(due >= next, `${days?.join()} ${at}:${minute} ${ahead / hour} ${took}`)
            // Further west a long run ends when it is the next day in the east.
            if (ahead >= -6 * hour) assert.ok(due <= next + took + 3 * hour, 'nor is one let pass')
          }
        }
      }
    }
  }
})

test('a machine whose script was just made has until the end of its first run', () => {
  const madeAt = Date.parse('2026-03-10T12:00:00Z')
  const [first = 0] = planOfScript(daily, madeAt, 1).planned
  assert.ok(first > madeAt + 20 * hour && first <= madeAt + day + 3 * hour)
})

const names = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
