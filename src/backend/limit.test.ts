import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { missing } from '../../test/helpers/peers.ts'
import { startRestServer } from '../../test/helpers/rest-server.ts'
import { SettableClock } from '../../test/helpers/settable-clock.ts'
import { missingSshd, startSshd } from '../../test/helpers/sshd.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import type { Backend } from './backend.ts'
import { fileOf } from './conformance.ts'
import { RateLimit, type RateLimits } from './limit.ts'
import { LocalBackend } from './local.ts'
import { openBackend } from './open.ts'

const kibibyte = 1024

test('bytes take the time that the rate gives them, whatever the size of the pieces', async () => {
  for (const piece of [100, 1000, 20_000]) {
    const clock = new SettableClock()
    const start = clock.monotonic()
    const limit = new RateLimit(10_000, clock)
    for (let taken = 0; taken < 200_000; taken += piece) await limit.take(piece)
    const seconds = (clock.monotonic() - start) / 1000
    // The first piece goes at once, and a tenth of a second may be made up for.
    assert.ok(seconds <= 20 && seconds >= 20 - 0.1 - piece / 10_000 - 1e-6, `${seconds} s`)
  }
})

test('after a pause there is no flood', async () => {
  const clock = new SettableClock()
  const limit = new RateLimit(10_000, clock)
  await limit.take(1000)
  clock.pass(3_600_000)
  const start = clock.monotonic()
  for (let i = 0; i < 20; i++) await limit.take(1000)
  assert.ok(clock.monotonic() - start >= 1700, `${clock.monotonic() - start} ms`)
})

test('calls share the line in the order in which they ask', async () => {
  const limit = new RateLimit(100_000)
  const order: string[] = []
  const move = async (name: string) => {
    for (let i = 0; i < 5; i++) {
      await limit.take(1000)
      order.push(name)
    }
  }
  await Promise.all(['a', 'b', 'c'].map(move))
  for (let i = 0; i < order.length; i += 3) assert.equal(new Set(order.slice(i, i + 3)).size, 3, order.join(''))
})

test('waiting ends with the call, and a long wait says in between that it is meant', async () => {
  const limit = new RateLimit(1)
  await limit.take(1000)
  const controller = new AbortController()
  const reason = new Error('enough')
  const waiting = limit.take(1, { signal: controller.signal })
  controller.abort(reason)
  await assert.rejects(waiting, (thrown) => thrown === reason)
  const clock = new SettableClock()
  const slow = new RateLimit(1, clock)
  await slow.take(1000)
  let told = 0
  await slow.take(1, { waited: () => told++ })
  assert.ok(told >= 90, `${told}`)
})

describe('a limit bounds what moves each second, and every wait is known as meant', () => {
  test('in a folder', async () => {
    await using folder = await tempFolder()
    await checkRates((limits) => new LocalBackend(folder.path, { limits }))
  })

  test('on a REST server', { skip: missing('rest-server') }, async () => {
    await using server = await startRestServer()
    await checkRates((limits) => openBackend(`rest:http://127.0.0.1:${server.port}/store/`, { limits }))
  })

  test('on an SFTP server', { skip: missingSshd() }, async () => {
    await using server = await startSshd()
    await checkRates((limits) => openBackend(server.location('store'), { limits, sftp: { args: server.args } }))
  })
})

/** Sends and fetches a file with a clock that only the limits move: what it shows is what they made the call wait. */
async function checkRates(open: (limits: RateLimits) => Backend): Promise<void> {
  const clock = new SettableClock()
  const limits = { upload: new RateLimit(100 * kibibyte, clock), download: new RateLimit(50 * kibibyte, clock) }
  await using backend = open(limits)
  await backend.create()
  const bytes = randomBytes(700 * kibibyte)
  const file = fileOf('pack', bytes)
  for (const [seconds, call] of [
    [7, (options: object) => backend.write(file, bytes, options)],
    [14, async (options: object) => assert.ok((await backend.read(file, options)).equals(bytes))],
    [2, (options: object) => backend.read(file, { ...options, range: { offset: 1000, length: 100 * kibibyte } })],
  ] as const) {
    const start = clock.monotonic()
    let waits = 0
    let largest = 0
    await call({ waited: () => waits++, progress: (moved: number) => (largest = Math.max(largest, moved)) })
    const took = (clock.monotonic() - start) / 1000
    // A server is asked in between whether all has arrived; that moves nothing to speak of.
    assert.ok(took <= seconds + 0.3 && took >= seconds - 0.5, `${took} s instead of ${seconds}`)
    assert.ok(waits >= seconds * 5, `${waits} waits`)
    assert.ok(largest <= 32 * kibibyte, `${largest} bytes at once`)
  }
}
