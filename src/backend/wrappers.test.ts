import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { JumpingClock } from '../../test/helpers/jumping-clock.ts'
import type { FileRef } from './backend.ts'
import { fileOf, listAll, rejectsWith } from './conformance.ts'
import { ConnectionsBackend } from './connections.ts'
import { BackendError } from './errors.ts'
import { type FaultKind, FaultyBackend } from './faulty.ts'
import { MemoryBackend } from './memory.ts'
import { type Retry, RetryBackend } from './retry.ts'
import { WatchdogBackend } from './watchdog.ts'

const bytes = randomBytes(1000)
const pack = fileOf('pack', bytes)
const busy = new BackendError('STORAGE_FAILED', { location: 'test', reason: 'busy', transient: true })
const denied = new BackendError('ACCESS_DENIED', { location: 'test', reason: 'no' })

test('retry makes a call again after a passing failure, and tells of each wait', async () => {
  const { backend, faulty, retries } = retrying([
    { kind: 'fail', error: busy },
    { kind: 'lost reply', error: busy },
  ])
  await backend.write(pack, bytes)
  assert.deepEqual(await backend.read(pack), bytes)
  assert.equal(faulty.calls.filter(({ method }) => method === 'write').length, 3)
  assert.deepEqual(
    retries.map(({ method, subject, attempt }) => [method, subject, attempt]),
    [
      ['write', `pack ${pack.name}`, 1],
      ['write', `pack ${pack.name}`, 2],
    ],
  )
})

test('retry lets a lasting failure through at once', async () => {
  const { backend, retries } = retrying([{ kind: 'fail', error: denied }])
  await rejectsWith('ACCESS_DENIED', backend.write(pack, bytes))
  assert.deepEqual(retries, [])
})

test('retry waits longer and longer, with a bound and at random, and gives up after its limit', async () => {
  const always = { on: 'read', times: Infinity, fault: { kind: 'fail', error: busy } } as const
  for (const [random, expected] of [
    [() => 1, [1, 2, 4, 8, 16, 32, 60, 60]],
    [() => 0.5, [0.5, 1, 2, 4, 8, 16, 30, 30]],
  ] as const) {
    const clock = new JumpingClock()
    const start = clock.monotonic()
    const backend = new RetryBackend(new FaultyBackend(new MemoryBackend(), [always]), { clock, random })
    await rejectsWith('STORAGE_FAILED', backend.read(pack))
    assert.deepEqual(
      clock.sleeps.slice(0, 8),
      expected.map((seconds) => seconds * 1000),
    )
    const minutes = (clock.monotonic() - start) / 60_000
    assert.ok(minutes > 13 && minutes <= 15, `${minutes}`)
  }
})

test('a storage that has never answered is given up sooner than one that has', async () => {
  const always = { on: 'read', times: Infinity, fault: { kind: 'fail', error: busy } } as const
  const minutesToGiveUp = async (hasAnswered: boolean) => {
    const clock = new JumpingClock()
    const inner = new FaultyBackend(new MemoryBackend(), [always])
    const backend = new RetryBackend(inner, { clock, limitAtFirst: 60_000 })
    if (hasAnswered) await backend.size(pack)
    const start = clock.monotonic()
    await rejectsWith('STORAGE_FAILED', backend.read(pack))
    return (clock.monotonic() - start) / 60_000
  }
  assert.ok((await minutesToGiveUp(false)) <= 1)
  assert.ok((await minutesToGiveUp(true)) > 10)
})

test('retry waits as long as the server asks, and gives up when that is longer than its limit', async () => {
  const later = (seconds: number) =>
    new BackendError('STORAGE_FAILED', { reason: 'busy', transient: true, retryAfter: seconds * 1000 })
  const { backend, clock } = retrying([{ kind: 'fail', error: later(40) }])
  await backend.write(pack, bytes)
  assert.ok((clock.sleeps[0] ?? 0) >= 40_000)
  const impatient = retrying([{ kind: 'fail', error: later(3600) }])
  await rejectsWith('STORAGE_FAILED', impatient.backend.write(pack, bytes))
  assert.deepEqual(impatient.clock.sleeps, [])
  const patient = retrying([
    { kind: 'fail', error: later(1) },
    { kind: 'fail', error: later(3600) },
  ])
  await rejectsWith('STORAGE_FAILED', patient.backend.write(pack, bytes))
})

test('a listing that breaks off is made again, and no file is given twice', async () => {
  const memory = new MemoryBackend()
  for (let i = 0; i < 5; i++) await memory.write(fileOf('pack', Buffer.from([i])), Buffer.from([i]))
  const fault = { on: 'list', times: 2, fault: { kind: 'lost reply', error: busy } } as const
  const backend = new RetryBackend(new FaultyBackend(memory, [fault]), { clock: new JumpingClock() })
  assert.deepEqual(await listAll(backend, 'pack'), await listAll(memory, 'pack'))
})

test('waiting for another try ends when the call is cancelled', async () => {
  const fault = { on: 'read', times: Infinity, fault: { kind: 'fail', error: busy } } as const
  const controller = new AbortController()
  const reason = new Error('enough')
  const report = () => setTimeout(() => controller.abort(reason), 5)
  const backend = new RetryBackend(new FaultyBackend(new MemoryBackend(), [fault]), {
    report,
    first: 60_000,
    random: () => 1,
  })
  await assert.rejects(backend.read(pack, { signal: controller.signal }), (thrown) => thrown === reason)
})

test('the watchdog ends every call that hangs, so that a retry brings it to its end', async () => {
  const hang = { on: 'any', times: Infinity, fault: { kind: 'hang' } } as const
  const watched = new WatchdogBackend(new FaultyBackend(new MemoryBackend(), [hang]), { seconds: 0.02 })
  for (const call of [
    () => watched.create(),
    () => listAll(watched, 'pack'),
    () => watched.size(pack),
    () => watched.read(pack),
    () => watched.write(pack, bytes),
    () => watched.delete(pack),
  ]) {
    const error = await rejectsWith('STORAGE_STALLED', call())
    assert.equal(error.transient, true)
  }
  const once = new FaultyBackend(new MemoryBackend(), [{ on: 'write', fault: { kind: 'hang' } }])
  const backend = new RetryBackend(new WatchdogBackend(once, { seconds: 0.02 }), { first: 1 })
  await backend.write(pack, bytes)
  assert.deepEqual(await backend.read(pack), bytes)
})

test('the watchdog ends a call that ignores its signal, and lets a slow one go on as long as bytes move', async () => {
  class Slow extends MemoryBackend {
    override async read(_file: unknown, { progress }: { progress?: ((bytes: number) => void) | undefined } = {}) {
      for (let i = 0; i < 12; i++) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        progress?.(200_000)
      }
      return bytes
    }
    override write(): Promise<void> {
      return new Promise(() => undefined)
    }
  }
  const watched = new WatchdogBackend(new Slow(), { seconds: 0.12 })
  assert.equal(await watched.read(pack), bytes)
  await rejectsWith('STORAGE_STALLED', watched.write(pack, bytes))
})

test('a trickle of single bytes is no progress', async () => {
  class Trickle extends MemoryBackend {
    override async read(
      _file: unknown,
      { progress, signal }: { progress?: ((bytes: number) => void) | undefined; signal?: AbortSignal | undefined } = {},
    ): Promise<Buffer> {
      for (;;) {
        signal?.throwIfAborted()
        await new Promise((resolve) => setTimeout(resolve, 5))
        progress?.(1)
      }
    }
  }
  await rejectsWith('STORAGE_STALLED', new WatchdogBackend(new Trickle(), { seconds: 0.05 }).read(pack))
})

test('a call that waits because it is meant to be slow is not taken for a hanging one', async () => {
  class Limited extends MemoryBackend {
    override async read(_file: unknown, { waited }: { waited?: (() => void) | undefined } = {}): Promise<Buffer> {
      for (let i = 0; i < 40; i++) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        waited?.()
      }
      return bytes
    }
  }
  assert.deepEqual(await new WatchdogBackend(new Limited(), { seconds: 0.2 }).read(pack), bytes)
})

test('locks do not wait behind packs: on a slow line they would become stale', async () => {
  class Slow extends MemoryBackend {
    override write(file: FileRef, content: Uint8Array): Promise<void> {
      return file.type === 'pack' ? new Promise(() => undefined) : super.write(file, content)
    }
  }
  const backend = new ConnectionsBackend(new Slow(), 2)
  for (let i = 0; i < 5; i++) void backend.write(fileOf('pack', randomBytes(10)), bytes)
  const lock = fileOf('lock', bytes)
  await backend.write(lock, bytes)
  assert.equal(await backend.size(lock), bytes.length)
  assert.deepEqual(await backend.read(lock), bytes)
  await backend.delete(lock)
})

test('never more calls are under way than there are connections, and a cancelled wait takes no place', async () => {
  let running = 0
  let most = 0
  class Counting extends MemoryBackend {
    override async size(): Promise<number> {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running--
      return 0
    }
  }
  const backend = new ConnectionsBackend(new Counting(), 3)
  const controller = new AbortController()
  const calls = Array.from({ length: 12 }, (_, i) =>
    backend.size(pack, i % 4 === 3 ? { signal: controller.signal } : {}),
  )
  controller.abort(new Error('enough'))
  const results = await Promise.allSettled(calls)
  assert.equal(most, 3)
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 9)
  assert.equal(await backend.size(pack), 0)
})

test('whoever goes through a listing can read files meanwhile, even over a single connection', async () => {
  const memory = new MemoryBackend()
  await memory.write(pack, bytes)
  const backend = new ConnectionsBackend(memory, 1)
  for await (const { name } of backend.list('pack')) assert.deepEqual(await backend.read({ type: 'pack', name }), bytes)
})

test('a faulty backend does what its script says', async () => {
  const memory = new MemoryBackend()
  const backend = new FaultyBackend(memory, [
    { on: 'write', type: 'pack', call: 2, fault: { kind: 'fail', error: busy } },
    { on: 'read', call: 1, fault: { kind: 'truncate', bytes: 10 } },
    { on: 'read', call: 2, fault: { kind: 'flip', bit: -1 } },
    { on: 'list', fault: { kind: 'stale list', hide: [pack.name], show: [{ name: 'f'.repeat(64), size: 1 }] } },
    { on: 'delete', fault: { kind: 'pretend' } },
  ])
  await backend.write(pack, bytes)
  await rejectsWith('STORAGE_FAILED', backend.write(pack, bytes))
  assert.equal((await backend.read(pack)).length, 10)
  const flipped = await backend.read(pack)
  assert.equal((flipped.at(-1) ?? 0) ^ (bytes.at(-1) ?? 0), 0x80)
  assert.deepEqual(await backend.read(pack), bytes, 'what is stored is as it was')
  assert.deepEqual(
    (await listAll(backend, 'pack')).map(({ name }) => name),
    ['f'.repeat(64)],
  )
  await backend.delete(pack)
  assert.equal(memory.files.size, 1)
  assert.deepEqual(
    backend.calls.map(({ method }) => method),
    ['write', 'write', 'read', 'read', 'read', 'list', 'delete'],
  )
})

function retrying(faults: readonly FaultKind[]) {
  const clock = new JumpingClock()
  const retries: Retry[] = []
  const faulty = new FaultyBackend(
    new MemoryBackend(),
    faults.map((fault, i) => ({ on: 'write', call: i + 1, fault })),
  )
  const backend = new RetryBackend(faulty, { clock, report: (retry) => retries.push(retry) })
  return { backend, faulty, clock, retries }
}
