import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Severity } from '#protocol'
import type { z } from 'zod'
import type { alertSettingsSchema } from '#protocol'
import type { Condition } from './condition.ts'
import { decideNotifications } from './decide.ts'
import type { Delivery } from './delivery.ts'
import type { Findings } from './find-conditions.ts'
import { recordDeliveries } from './health.ts'
import type { Message } from './message.ts'
import { acknowledge, emptyAlertState, mute, unmute } from './state.ts'
import { condition, found, noon, settingsOf } from './testing.ts'
import { day, hour, minute } from './units.ts'

type SettingsInput = z.input<typeof alertSettingsSchema>

const channels = ['a', 'b', 'c', 'd'].map((id) => ({
  id,
  name: id,
  kind: 'slack' as const,
  url: `https://hooks.example/${id}`,
}))
const anna = { id: 'anna', name: 'Anna', ways: [{ channel: 'a' }] }
const bert = { id: 'bert', name: 'Bert', step: 2, ways: [{ channel: 'b' }] }

const delivered: Delivery = { outcome: 'delivered', answer: 'ok' }
const refused: Delivery = { outcome: 'failed', code: 'ALERT_REFUSED', reason: 'no', hint: '', transient: false }

/** Decisions in a row; unless a test says otherwise every message arrives. */
class Story {
  readonly settings
  state = emptyAlertState()
  now = noon
  brokenWays = new Set<string>()

  constructor(settings: Partial<SettingsInput> = {}) {
    this.settings = settingsOf({ channels, people: [anna], ...settings })
  }

  decide(findings: Findings): readonly Message[] {
    const decision = decideNotifications(this.state, findings, { settings: this.settings, now: this.now })
    const outcomes = decision.messages.map((message) => ({
      message,
      delivery: this.brokenWays.has(message.recipient.channel) ? refused : delivered,
      isLast: true,
    }))
    // Through JSON, as it is stored.
    this.state = JSON.parse(JSON.stringify(recordDeliveries(decision.state, outcomes, this.now))) as typeof this.state
    return decision.messages
  }

  /** What is said after `wait`, as `person: event severity name`. */
  hears(wait: number, conditions: readonly Condition[], rest: Parameters<typeof found>[1] = {}): string[] {
    this.now += wait
    return this.decide(found(conditions, rest)).flatMap((message) => lines(message))
  }
}

function lines({ recipient, news, groups, kind }: Message): string[] {
  const who = `${recipient.person}${kind === 'digest' ? ' (digest)' : ''}`
  return [
    ...groups.map(
      ({ example, count }) =>
        `${who}: ${example.event} ${example.severity} ${count} ${example.condition.subject.type}s`,
    ),
    ...news.map(({ event, severity, condition: { subject } }) => `${who}: ${event} ${severity} ${subject.name}`),
  ]
}

const bad = (severity: Severity = 'warning', name = 'SRV1') => condition('run_failed', { severity, name })

test('new trouble is said once, and again after the reminder time', () => {
  const story = new Story()
  assert.deepEqual(story.hears(0, [bad()]), ['anna: new warning SRV1'])
  assert.deepEqual(story.hears(minute, [bad()]), [])
  assert.deepEqual(story.hears(23 * hour, [bad()]), [])
  assert.deepEqual(story.hears(hour, [bad()]), ['anna: reminder warning SRV1'])
  assert.deepEqual(story.hears(hour, [bad()]), [])
})

test('what gets worse is said at once, what gets less bad is not', () => {
  const story = new Story()
  story.hears(0, [bad('warning')])
  assert.deepEqual(story.hears(10 * minute, [bad('critical')]), ['anna: worse critical SRV1'])
  assert.deepEqual(story.hears(10 * minute, [bad('warning')]), [])
  assert.deepEqual(story.hears(10 * minute, [bad('critical')]), [])
})

test('what is over is said when it has stayed over for a while', () => {
  const story = new Story()
  story.hears(0, [bad()])
  assert.deepEqual(story.hears(hour, [], { watched: [bad()] }), [])
  assert.deepEqual(story.hears(9 * minute, [], { watched: [bad()] }), [])
  assert.deepEqual(story.hears(minute, [], { watched: [bad()] }), ['anna: resolved warning SRV1'])
  assert.deepEqual(story.hears(day, [], { watched: [bad()] }), [])
  assert.deepEqual(story.state.open, {}, 'and nothing of it is kept for ever')
})

test('what nobody watches any more is not said to be well', () => {
  const story = new Story()
  story.hears(0, [bad()])
  story.hears(hour, [])
  assert.deepEqual(story.hears(hour, []), ['anna: unwatched warning SRV1'])
})

test('what cannot be told just now stays as it was', () => {
  const story = new Story()
  story.hears(0, [bad()])
  assert.deepEqual(story.hears(hour, [], { unsure: [bad()] }), [])
  assert.deepEqual(story.hears(hour, [], { unsure: [bad()] }), [])
  assert.deepEqual(story.hears(hour, [bad()]), [])
  const other = new Story()
  assert.deepEqual(other.hears(0, [], { unsure: [bad()] }), [], 'and does not begin')
})

test('what comes and goes is said twice, then once a day, and over only when it has been quiet', () => {
  const story = new Story()
  const said: string[] = []
  for (let step = 0; step < 24 * 6; step++) {
    // An hour bad, an hour well.
    const isBad = step % 12 < 6
    said.push(...story.hears(10 * minute, isBad ? [bad()] : [], { watched: [bad()] }))
  }
  assert.deepEqual(said, ['anna: new warning SRV1', 'anna: resolved warning SRV1', 'anna: again warning SRV1'])
  const quiet: string[] = []
  for (let step = 0; step < 24 * 6; step++) quiet.push(...story.hears(10 * minute, [], { watched: [bad()] }))
  assert.deepEqual(quiet, ['anna: resolved warning SRV1'])
})

test('what was critical and comes back as a warning is said to be critical, so that it need not be said twice', () => {
  const story = new Story()
  story.hears(0, [bad('critical')])
  story.hears(hour, [], { watched: [bad()] })
  assert.deepEqual(story.hears(hour, [], { watched: [bad()] }), ['anna: resolved critical SRV1'])
  assert.deepEqual(story.hears(hour, [bad('warning')]), ['anna: again critical SRV1'])
  assert.deepEqual(story.hears(hour, [bad('critical')]), [])
})

test('quiet hours hold everything back but what is critical and new', () => {
  const night = { ...anna, quietHours: { from: '11:00', to: '14:00' } }
  const story = new Story({ people: [night] })
  assert.deepEqual(story.hears(0, [bad('warning')]), [])
  assert.deepEqual(story.hears(minute, [bad('warning'), bad('critical', 'SRV2')]), ['anna: new critical SRV2'])
  assert.deepEqual(story.hears(30 * minute, [bad('critical', 'SRV1'), bad('critical', 'SRV2')]), [
    'anna: new critical SRV1',
  ])
  assert.deepEqual(
    story.hears(30 * minute, [], { watched: [bad(), bad('critical', 'SRV2')] }),
    [],
    'that it is over can wait',
  )
  assert.deepEqual(story.hears(2 * hour, [], { watched: [bad(), bad('critical', 'SRV2')] }), [
    'anna: resolved critical SRV1',
    'anna: resolved critical SRV2',
  ])
})

test('quiet hours are those of the place where the person lives', () => {
  const asleep = { ...anna, timeZone: 'Asia/Tokyo', quietHours: { from: '20:00', to: '22:00' } }
  assert.deepEqual(new Story({ people: [asleep] }).hears(0, [bad()]), [])
  assert.deepEqual(new Story({ people: [{ ...asleep, timeZone: 'Europe/Berlin' }] }).hears(0, [bad()]), [
    'anna: new warning SRV1',
  ])
})

test('when nobody answers in time, the next person is told; who has answered stops that', () => {
  const story = new Story({ people: [anna, bert] })
  assert.deepEqual(story.hears(0, [bad('critical')]), ['anna: new critical SRV1'])
  assert.deepEqual(story.hears(29 * minute, [bad('critical')]), [])
  assert.deepEqual(story.hears(minute, [bad('critical')]), ['bert: escalated critical SRV1'])
  const answered = new Story({ people: [anna, bert] })
  answered.hears(0, [bad('critical')])
  answered.state = acknowledge(answered.state, [bad().key, 'gone/by/now'], { by: 'anna', now: answered.now })
  assert.deepEqual(answered.hears(2 * hour, [bad('critical')]), [])
})

test('a warning is not escalated', () => {
  const story = new Story({ people: [anna, bert] })
  story.hears(0, [bad('warning')])
  assert.deepEqual(story.hears(5 * hour, [bad('warning')]), [])
})

test('everyone who was told hears that it is over', () => {
  const story = new Story({ people: [anna, bert] })
  story.hears(0, [bad('critical')])
  story.hears(hour, [bad('critical')])
  story.hears(hour, [], { watched: [bad()] })
  assert.deepEqual(story.hears(hour, [], { watched: [bad()] }), [
    'anna: resolved critical SRV1',
    'bert: resolved critical SRV1',
  ])
})

test('an acknowledgement ends reminders until it gets worse, or until it is forgotten', () => {
  const story = new Story()
  story.hears(0, [bad('warning')])
  story.state = acknowledge(story.state, [bad().key], { by: 'anna', now: story.now })
  assert.deepEqual(story.hears(30 * hour, [bad('warning')]), [])
  assert.deepEqual(story.hears(hour, [bad('critical')]), ['anna: worse critical SRV1'])
  story.state = acknowledge(story.state, [bad().key], { by: 'anna', now: story.now })
  assert.deepEqual(story.hears(71 * hour, [bad('critical')]), [])
  assert.deepEqual(story.hears(hour, [bad('critical')]), ['anna: reminder critical SRV1'])
})

test('an acknowledgement is of this trouble, not of the next of the same kind', () => {
  const story = new Story({ people: [anna, bert] })
  story.hears(0, [bad('critical')])
  story.state = acknowledge(story.state, [bad().key], { by: 'anna', now: story.now })
  story.hears(hour, [], { watched: [bad()] })
  story.hears(hour, [], { watched: [bad()] })
  assert.deepEqual(story.hears(hour, [bad('critical')]), ['anna: again critical SRV1'])
  assert.deepEqual(story.hears(30 * minute, [bad('critical')]), ['bert: escalated critical SRV1'])
})

test('what is muted is silent until then, unless it gets worse', () => {
  const story = new Story()
  story.hears(0, [bad('warning')])
  story.state = mute(story.state, [bad().key], { by: 'anna', until: story.now + 48 * hour })
  assert.deepEqual(story.hears(30 * hour, [bad('warning')]), [])
  assert.deepEqual(story.hears(hour, [bad('critical')]), ['anna: worse critical SRV1'])
  const other = new Story()
  other.hears(0, [bad('warning')])
  other.state = mute(other.state, [bad().key], { by: 'anna', until: other.now + 48 * hour })
  assert.deepEqual(other.hears(48 * hour, [bad('warning')]), ['anna: reminder warning SRV1'])
  other.state = unmute(mute(other.state, [bad().key], { by: 'anna', until: other.now + 480 * hour }), [bad().key])
  assert.deepEqual(other.hears(48 * hour, [bad('warning')]), ['anna: reminder warning SRV1'])
})

test('a notice waits for the digest, unless somebody wants it at once', () => {
  assert.deepEqual(new Story().hears(0, [bad('notice')]), [])
  const curious = new Story({ people: [{ ...anna, ways: [{ channel: 'a', atLeast: 'notice' }] }] })
  assert.deepEqual(curious.hears(0, [bad('notice')]), ['anna: new notice SRV1'])
  assert.deepEqual(curious.hears(2 * day, [bad('notice')]), [], 'and nobody is reminded of one')
})

test('a digest comes once a day at its hour, also when nothing is open', () => {
  const story = new Story({ people: [{ ...anna, digest: { every: 'day', hour: 8 } }] })
  assert.deepEqual(story.hears(0, [bad('notice')]), [], 'not in the moment in which it is ordered')
  assert.deepEqual(story.hears(20 * hour, [bad('notice')]), ['anna (digest): open notice SRV1'])
  assert.deepEqual(story.hears(hour, [bad('notice')]), [])
  story.now += 23 * hour
  const [digest] = story.decide(found([]))
  assert.deepEqual(digest?.overview, { machines: 43, open: 0 })
})

test('people hear of their own clients only, and of the server itself whoever hears all', () => {
  const other = { id: 'other', name: 'Other Ltd' }
  const hers = { ...anna, clients: ['firm'] }
  const all = { ...bert, step: 1 }
  const story = new Story({ people: [hers, all] })
  const foreign = condition('run_failed', { name: 'X1', client: other })
  const own = condition('storage_filling', { name: 'NAS', client: null, type: 'storage' })
  assert.deepEqual(story.hears(0, [bad(), foreign, own]), [
    'anna: new warning SRV1',
    'bert: new warning NAS',
    'bert: new warning SRV1',
    'bert: new warning X1',
  ])
  const alone = new Story({ people: [hers] })
  assert.deepEqual(
    alone.hears(0, [foreign, own]),
    ['anna: new warning NAS'],
    'of the server rather somebody than nobody',
  )
})

test('an outage of a thousand machines is one message, and what follows it is gathered', () => {
  const story = new Story()
  const machines = Array.from({ length: 1000 }, (_, index) => bad('critical', `PC${index}`))
  const messages = story.decide(found(machines.slice(0, 990)))
  assert.equal(messages.length, 1)
  assert.deepEqual(messages.flatMap(lines), ['anna: new critical 990 machines'])
  assert.ok(JSON.stringify(messages).length < 5000, 'however many there are')
  assert.deepEqual(story.hears(minute, machines), [])
  assert.equal(story.hears(4 * minute, machines).length, 1)
})

test('a machine a minute for an hour is not a message a minute; another kind of alarm comes through', () => {
  const story = new Story()
  const machines = Array.from({ length: 60 }, (_, index) => bad('critical', `PC${index}`))
  let messages = 0
  for (let count = 1; count <= 60; count++) {
    story.now += minute
    messages += story.decide(found(machines.slice(0, count))).length
  }
  assert.equal(messages, 6)
  const attack = condition('retention_held', { severity: 'critical' })
  assert.ok(story.hears(minute, [...machines, attack]).some((line) => line.endsWith('SRV1')))
})

test('what a broken channel did not deliver is said on another, at once to the next person if there is none', () => {
  const two = new Story({ people: [{ ...anna, ways: [{ channel: 'a' }, { channel: 'c', atLeast: 'critical' }] }] })
  two.brokenWays.add('a')
  assert.deepEqual(
    two.decide(found([bad()])).map(({ recipient }) => recipient.channel),
    ['a'],
  )
  two.now += minute
  assert.deepEqual(
    two.decide(found([bad()])).map(({ recipient }) => recipient.channel),
    ['c'],
  )

  const next = new Story({ people: [anna, bert] })
  next.brokenWays.add('a')
  assert.deepEqual(next.hears(0, [bad()]), ['anna: new warning SRV1'])
  assert.deepEqual(next.hears(minute, [bad()]), ['bert: escalated warning SRV1'])
})

test('what was delivered before its channel broke is not said again elsewhere', () => {
  const story = new Story({ people: [{ ...anna, ways: [{ channel: 'a' }, { channel: 'c', atLeast: 'critical' }] }] })
  story.hears(0, [bad()])
  story.brokenWays.add('a')
  assert.deepEqual(story.hears(hour, [bad(), bad('warning', 'SRV2')]), ['anna: new warning SRV2'])
  assert.deepEqual(story.hears(minute, [bad(), bad('warning', 'SRV2')]), ['anna: new warning SRV2'], 'on the other way')
})

test('a broken channel gets a message every half hour, and is whole again when one arrives', () => {
  const story = new Story()
  story.brokenWays.add('a')
  assert.equal(story.hears(0, [bad()]).length, 1)
  assert.equal(story.hears(29 * minute, [bad()]).length, 0)
  assert.equal(story.hears(minute, [bad()]).length, 1)
  story.brokenWays.clear()
  assert.deepEqual(story.hears(30 * minute, [bad()]), ['anna: new warning SRV1'])
  assert.deepEqual(story.hears(30 * minute, [bad()]), [])
})

test('that a channel is broken is said on another one', () => {
  const story = new Story({ people: [{ ...anna, ways: [{ channel: 'a' }, { channel: 'c' }] }] })
  story.brokenWays.add('a')
  story.hears(0, [bad()])
  const trouble = condition('channel_broken', { name: 'A', type: 'channel' })
  story.now += hour
  const messages = story.decide(found([bad(), trouble]))
  assert.deepEqual(
    messages.map(({ recipient, news }) => [recipient.channel, news.map(({ condition: { kind } }) => kind)]),
    [
      ['a', ['run_failed']],
      ['c', ['channel_broken']],
    ],
  )
})

test('a server whose clock was a year ahead for an hour alerts as before when it is right again', () => {
  const story = new Story({ people: [anna, bert] })
  story.now += 365 * day
  story.hears(0, [bad()])
  story.now -= 365 * day
  assert.deepEqual(story.hears(hour, [bad(), bad('critical', 'SRV2')]), ['anna: new critical SRV2'])
  assert.deepEqual(story.hears(30 * minute, [bad(), bad('critical', 'SRV2')]), ['bert: escalated critical SRV2'])
  assert.ok(story.hears(day, [bad(), bad('critical', 'SRV2')]).includes('anna: reminder warning SRV1'))
})

test('ids that are names of what every object has are ids like others', () => {
  const odd = { id: 'constructor', name: 'C', ways: [{ channel: '__proto__' }] }
  const story = new Story({
    channels: [{ id: '__proto__', name: 'P', kind: 'slack', url: 'https://hooks.example/p' }],
    people: [odd],
  })
  assert.deepEqual(story.hears(0, [bad()]), ['constructor: new warning SRV1'])
  assert.deepEqual(story.hears(minute, [bad()]), [])
})

test('deciding changes nothing of the state that it was given', () => {
  const story = new Story()
  story.hears(0, [bad()])
  const before = JSON.stringify(story.state)
  decideNotifications(story.state, found([bad('critical')]), { settings: story.settings, now: story.now + day })
  assert.equal(JSON.stringify(story.state), before)
})
