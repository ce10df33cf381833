/** For any history: nobody is told the same twice within the reminder time, and what is critical reaches somebody. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { severities, type Severity } from '#protocol'
import fc from 'fast-check'
import { seeded } from '../../../test/helpers/seed.ts'
import { decideNotifications } from './decide.ts'
import type { Delivery } from './delivery.ts'
import { recordDeliveries } from './health.ts'
import type { Message } from './message.ts'
import { acknowledge, type AlertState, emptyAlertState, isAcknowledged, isMuted, mute } from './state.ts'
import { condition, found, noon, settingsOf } from './testing.ts'
import { hour, minute } from './units.ts'

const channels = ['one', 'two', 'three'] as const

const settings = settingsOf({
  channels: channels.map((id) => ({ id, name: id, kind: 'slack', url: `https://hooks.example/${id}` })),
  people: [
    {
      id: 'anna',
      name: 'Anna',
      quietHours: { from: '22:00', to: '06:00' },
      digest: { every: 'day', hour: 8 },
      ways: [{ channel: 'one' }, { channel: 'two', atLeast: 'critical' }],
    },
    { id: 'bert', name: 'Bert', step: 2, ways: [{ channel: 'three', atLeast: 'notice' }] },
  ],
})

/** What is so of a condition; null: it does not hold. Mostly it stays as it is, because what changes at every look is rare. */
const holds = fc.constantFrom(null, null, 'unsure' as const, ...severities)

const step = fc.record({
  wait: fc.oneof(
    fc.integer({ min: 5, max: 20 }),
    fc.integer({ min: 20, max: 300 }),
    fc.integer({ min: 300, max: 1500 }),
  ),
  /** The condition that changes, or that somebody answers. */
  on: fc.integer({ min: 0, max: 1 }),
  holds,
  isWatched: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  answer: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, fc.constantFrom('acknowledge', 'mute')),
  down: fc.oneof({ weight: 4, arbitrary: fc.constant<string[]>([]) }, fc.subarray<string>([...channels])),
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

const all = ['A', 'B'].map((name) => condition('run_failed', { name }))

const delivered: Delivery = { outcome: 'delivered', answer: 'ok' }
const lost: Delivery = { outcome: 'failed', code: 'ALERT_REFUSED', reason: 'no', hint: '', transient: false }

const history = fc.array(step, { maxLength: 60, size: 'max' })

/** One history, as the server would live it; what arrived, and when. */
class History {
  state: AlertState = emptyAlertState()
  now = noon
  readonly holds: (Severity | 'unsure' | null)[] = [null, null]
  readonly arrived: Message[] = []

  live({ wait, on, holds: next, isWatched, answer, down }: Step): void {
    this.now += wait * minute
    this.holds[on] = next
    const conditions = all.flatMap((base, index) => {
      const severity = this.holds[index]
      return severity && severity !== 'unsure' ? { ...base, severity } : []
    })
    const unsure = all.filter((_, index) => this.holds[index] === 'unsure')
    const findings = found(conditions, { watched: isWatched ? all : [], unsure })
    const key = all[on]?.key ?? ''
    if (answer === 'acknowledge') this.state = acknowledge(this.state, [key], { by: 'anna', now: this.now })
    if (answer === 'mute') this.state = mute(this.state, [key], { by: 'anna', until: this.now + 5 * hour })
    const decision = decideNotifications(this.state, findings, { settings, now: this.now })
    const outcomes = decision.messages.map((message) => {
      const isDown = down.includes(message.recipient.channel)
      if (!isDown) this.arrived.push(message)
      return { message, delivery: isDown ? lost : delivered, isLast: true }
    })
    this.state = JSON.parse(JSON.stringify(recordDeliveries(decision.state, outcomes, this.now))) as AlertState
  }

  /** What is critical, and neither muted nor taken on. */
  criticalKeys(): string[] {
    return Object.values(this.state.open)
      .filter((entry) => !entry.gone && entry.condition.severity === 'critical')
      .filter((entry) => !isMuted(entry, this.now) && !isAcknowledged(entry, settings, this.now))
      .map(({ condition: { key } }) => key)
  }
}

/** Every single thing said, with enough to tell whether it is the same. */
function sayings({ at, kind, recipient, news, groups }: Message): { readonly at: number; readonly what: string }[] {
  assert.deepEqual(groups, [], 'two conditions are never summed up')
  return news.map(({ event, severity, condition: { key } }) => {
    return { at, what: [kind, recipient.person, recipient.channel, key, event, severity].join(' ') }
  })
}

test('nobody is told the same twice within the reminder time', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const lived = new History()
      for (const each of steps) lived.live(each)
      const last = new Map<string, number>()
      for (const { at, what } of lived.arrived.filter(({ kind }) => kind === 'alert').flatMap(sayings)) {
        const before = last.get(what)
        assert.ok(before === undefined || at - before >= 24 * hour, `${what} after ${(at - (before ?? 0)) / hour} h`)
        last.set(what, at)
      }
    }),
    { ...seeded(), numRuns: 300 },
  )
})

test('what is critical is known to somebody, once there was time and a channel to say it', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const lived = new History()
      for (const each of steps) lived.live(each)
      // From here on it is critical, and one channel works: an hour for what had to wait, another for what was broken.
      for (let minutes = 0; minutes < 150; minutes += 5) {
        const down = ['one', 'two']
        lived.live({ wait: 5, on: 0, holds: 'critical', isWatched: true, answer: null, down })
      }
      for (const key of lived.criticalKeys()) {
        const told = Object.values(lived.state.open[key]?.told ?? {})
        assert.ok(
          told.some(({ delivered: hasArrived, believes }) => hasArrived && believes === 'critical'),
          `nobody knows of ${key}`,
        )
      }
    }),
    { ...seeded(), numRuns: 100 },
  )
})

test('nobody believes that something is over while it is not, unless it was muted or taken on', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const lived = new History()
      for (const each of steps) {
        const before = lived.arrived.length
        lived.live({ ...each, answer: null, down: [] })
        for (const { news } of lived.arrived.slice(before).filter(({ kind }) => kind === 'alert')) {
          for (const { event, condition: about } of news) {
            const entry = lived.state.open[about.key]
            const isOver = event === 'resolved' || event === 'unwatched'
            assert.equal(isOver, entry === undefined || entry.gone !== null, `${event} of ${about.key}`)
          }
        }
      }
    }),
    { ...seeded(), numRuns: 100 },
  )
})

test('when all has been well for long, nothing is remembered', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const lived = new History()
      for (const each of steps) lived.live(each)
      lived.holds.fill(null)
      for (let hours = 0; hours < 100; hours++) {
        lived.live({ wait: 60, on: 0, holds: null, isWatched: true, answer: null, down: [] })
      }
      assert.deepEqual(lived.state.open, {})
      assert.ok(Object.values(lived.state.ways).every(({ sent }) => sent.length <= 6))
    }),
    { ...seeded(), numRuns: 100 },
  )
})
