import assert from 'node:assert/strict'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import { Postman } from './channels/send.ts'
import { type CycleParts, runAlertCycle } from './cycle.ts'
import { decideWatchCall } from './dead-man.ts'
import { changeState, deliverDue, waitAfter } from './outbox.ts'
import { emptyAlertState, wayKey } from './state.ts'
import {
  firm,
  machine,
  MemoryAlertStore,
  noon,
  oneMessage,
  protection,
  run,
  sender,
  settingsOf,
  view,
} from './testing.ts'
import { day, hour, minute } from './units.ts'

/** One web server that plays all channels: what each path was sent, and what it answers. */
async function channelsServer() {
  const calls: string[] = []
  const answers = new Map<string, number>()
  const server = http.createServer((request, response) => {
    const path = request.url ?? ''
    calls.push(path)
    response.writeHead(answers.get(path) ?? 200).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve))
  const { port } = server.address() as AddressInfo
  return {
    calls,
    answers,
    url: (path: string) => `http://channels.example:${port}${path}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A server with one machine, whose last run was `ago` before noon, and two channels. */
async function scene(ago = hour) {
  const outside = await channelsServer()
  const clock = new SettableClock(noon)
  const store = new MemoryAlertStore()
  const postman = new Postman({
    sender,
    clock,
    allowed: ['127.0.0.2'],
    resolve: async () => [{ address: '127.0.0.2' }],
  })
  const parts: CycleParts = {
    store,
    postman,
    clock,
    random: () => 0.5,
    settings: settingsOf({
      channels: ['/one', '/two'].map((path) => ({
        id: path.slice(1),
        name: path,
        kind: 'slack' as const,
        url: outside.url(path),
      })),
      people: [{ id: 'anna', name: 'Anna', ways: [{ channel: 'one' }, { channel: 'two', atLeast: 'critical' }] }],
      deadMan: { url: outside.url('/watch') },
    }),
    look: async () =>
      view({ clients: [firm], machines: [machine({ lastSeen: clock.now() })], protections: [protection([run(ago)])] }),
    names: { mailHosts: () => [], addressesOf: () => [] },
    vitals: () => [{ name: 'the database', lastGood: clock.now(), limit: minute }],
  }
  return { ...outside, clock, store, parts, [Symbol.asyncDispose]: () => outside[Symbol.asyncDispose]() }
}

test('no backup for two intervals: somebody is told, once, and the outside watch is called', async () => {
  await using all = await scene(2 * day + hour)
  await runAlertCycle(all.parts)
  all.clock.pass(minute)
  await runAlertCycle(all.parts)
  assert.deepEqual(all.calls, ['/one', '/watch'])
  assert.deepEqual(all.store.waiting, [])
  assert.deepEqual(
    all.store.attempts.map(({ delivery, next }) => [delivery.outcome, next]),
    [['delivered', null]],
  )
})

test('a round in which nothing happens writes nothing', async () => {
  await using all = await scene(2 * day + hour)
  await runAlertCycle(all.parts)
  const { revision } = await all.store.load()
  all.clock.pass(minute)
  await runAlertCycle(all.parts)
  assert.equal((await all.store.load()).revision, revision)
})

test('while the channel itself is broken it is said on a second one, and that the first is broken, too', async () => {
  await using all = await scene(2 * day + hour)
  all.answers.set('/one', 404)
  await runAlertCycle(all.parts)
  all.clock.pass(minute)
  await runAlertCycle(all.parts)
  assert.deepEqual(all.calls, ['/one', '/watch', '/two'])
  const kinds = all.store.messages.at(-1)?.news.map(({ condition: { kind } }) => kind)
  assert.deepEqual(kinds?.toSorted(), ['channel_broken', 'run_missed'])
})

test('when no channel works at all, the outside watch is called no more, and notices', async () => {
  await using all = await scene(2 * day + hour)
  all.answers.set('/one', 404).set('/two', 404)
  let because = ''
  for (let count = 0; count < 10; count++) {
    all.calls.length = 0
    const { watch } = await runAlertCycle(all.parts)
    because = watch.because
    all.clock.pass(5 * minute)
  }
  assert.equal(because, 'no channel of the alerts works')
  assert.ok(!all.calls.includes('/watch'))
  all.answers.clear()
  for (let count = 0; count < 12; count++) {
    await runAlertCycle(all.parts)
    all.clock.pass(5 * minute)
  }
  assert.ok(all.calls.includes('/watch'), 'and is again when one does')
})

test('what was not taken is tried again later and later, under the same id, and given up in the end', async () => {
  await using all = await scene(2 * day + hour)
  all.answers.set('/one', 503).set('/two', 503)
  await runAlertCycle(all.parts)
  const [first] = all.store.messages
  const waits: number[] = []
  for (let step = 0; step < 400; step++) {
    all.clock.pass(minute)
    const before = all.clock.now()
    await deliverDue(all.parts)
    waits.push(...all.store.attempts.slice(waits.length + 1).map(() => before))
  }
  assert.equal(waits.length, 7)
  assert.deepEqual([...new Set(all.store.attempts.map(({ message }) => message))], [first?.id])
  assert.equal(all.store.attempts.at(-1)?.next, null)
  const spans = waits.slice(1).map((at, index) => at - (waits[index] ?? 0))
  assert.deepEqual(
    spans,
    spans.toSorted((a, b) => a - b),
  )
})

test('a server that ends between sending and storing that sends once more, not more often', async () => {
  await using all = await scene()
  await changeState(all.store, (state) => ({ state, messages: [messageOn('one')] }))
  const dies = {
    load: () => all.store.load(),
    claim: (options: Parameters<typeof all.store.claim>[0]) => all.store.claim(options),
    save: async () => Promise.reject(new Error('killed here')),
  }
  await assert.rejects(deliverDue({ ...all.parts, store: dies }), { message: 'killed here' })
  await deliverDue(all.parts)
  assert.deepEqual(all.calls, ['/one'], 'others leave it alone for a while: the sender may be alive')
  for (let count = 0; count < 5; count++) {
    all.clock.pass(5 * minute)
    await deliverDue(all.parts)
  }
  assert.deepEqual(all.calls, ['/one', '/one'])
})

test('two servers side by side send each message once, and decide each once', async () => {
  await using all = await scene(2 * day + hour)
  await Promise.all([runAlertCycle(all.parts), runAlertCycle(all.parts), runAlertCycle(all.parts)])
  assert.deepEqual(
    all.calls.filter((path) => path === '/one'),
    ['/one'],
  )
})

test('a mistake of ours in one message does not make the others be sent twice', async () => {
  await using all = await scene()
  const impossible = oneMessage({
    id: '1-2',
    recipient: { ...oneMessage().recipient, channel: 'one', timeZone: 'no/where' },
  })
  await changeState(all.store, (state) => ({ state, messages: [impossible, messageOn('one')] }))
  await assert.rejects(deliverDue(all.parts), RangeError)
  all.clock.pass(hour)
  await assert.rejects(deliverDue(all.parts), RangeError)
  assert.deepEqual(all.calls, ['/one'])
  assert.deepEqual(
    all.store.waiting.map(({ id }) => id),
    ['1-2'],
  )
})

test('a message for a channel that has been removed is given up', async () => {
  await using all = await scene()
  await changeState(all.store, (state) => ({ state, messages: [messageOn('gone')] }))
  await deliverDue(all.parts)
  assert.deepEqual(
    all.store.attempts.map(({ delivery, next }) => [delivery.outcome === 'failed' && delivery.code, next]),
    [['ALERT_CHANNEL_GONE', null]],
  )
})

test('a message that a wrong clock put off for a year is sent all the same', async () => {
  await using all = await scene()
  await changeState(all.store, (state) => ({ state, messages: [{ ...messageOn('one'), at: noon + 365 * day }] }))
  await deliverDue(all.parts)
  assert.deepEqual(all.calls, ['/one'])
})

function messageOn(channel: string) {
  const { recipient, ...rest } = oneMessage()
  return { ...rest, recipient: { ...recipient, channel } }
}

test('a refusal for good is not tried again, and a wait that was asked for is kept', () => {
  const failed = { outcome: 'failed', code: 'X', reason: '', hint: '' } as const
  const options = { tries: 1, random: () => 0 }
  assert.equal(waitAfter({ outcome: 'delivered', answer: '' }, options), null)
  assert.equal(waitAfter({ ...failed, transient: false }, options), null)
  assert.equal(waitAfter({ ...failed, transient: true }, options), 30_000)
  assert.equal(waitAfter({ ...failed, transient: true, retryAfter: 120_000 }, options), 120_000)
  assert.equal(waitAfter({ ...failed, transient: true }, { ...options, tries: 8 }), null)
})

const settings = settingsOf({
  channels: [{ id: 'one', name: 'One', kind: 'slack', url: 'https://hooks.example/x' }],
  people: [{ id: 'anna', name: 'Anna', ways: [{ channel: 'one' }] }],
  deadMan: { url: 'https://hc.example/x', everyMinutes: 5 },
})
const well = { name: 'the database', lastGood: noon - 10_000, limit: minute }
const health = { failures: 3, brokenSince: noon, lastTry: noon, reason: 'no' }
const brokenWay = { [wayKey('anna', 'one')]: { sent: [], health } }

const watches: readonly (readonly [
  situation: string,
  state: object,
  vitals: readonly (typeof well | { name: string; lastGood: null; limit: number })[],
  calls: boolean,
])[] = [
  ['all is well', {}, [well], true],
  ['it was called a minute ago', { deadMan: { lastCall: noon - minute, health: null } }, [well], false],
  ['it was called five minutes ago', { deadMan: { lastCall: noon - 5 * minute, health: null } }, [well], true],
  ['the clock was wrong when it was called', { deadMan: { lastCall: noon + day, health: null } }, [well], true],
  ['a part has been silent for too long', {}, [well, { ...well, lastGood: noon - 2 * minute }], false],
  ['a part never worked', {}, [{ ...well, lastGood: null }], false],
  ['no channel works', { ways: brokenWay }, [well], false],
]

for (const [situation, state, vitals, calls] of watches) {
  test(`${situation}: the outside watch is ${calls ? '' : 'not '}called`, () => {
    const { call } = decideWatchCall({ ...emptyAlertState(), ...state }, vitals, { settings, now: noon })
    assert.equal(call, calls)
  })
}
