import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, mock, test } from 'node:test'
import { BackendError, LocalBackend } from '#backend'
import { cheapenKey } from '../../test/helpers/cheap-key.ts'
import { missing, peer } from '../../test/helpers/peers.ts'
import { run, runOk } from '../../test/helpers/run.ts'
import { SettableClock } from '../../test/helpers/settable-clock.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import { encodeLockFile } from './format/lock-file.ts'
import type { LockFile } from './format/lock-file.ts'
import { formatTime } from './format/time.ts'
import { loadLocks, lockRepository, removeLocks } from './lock.ts'
import type { HeldLock, LockOptions } from './lock.ts'
import { openRepository } from './repository.ts'
import type { Repository } from './repository.ts'
import { copyOf, initInMemory, namesOf, openFiles, password } from '../../test/helpers/memory-repository.ts'
import type { InMemory } from '../../test/helpers/memory-repository.ts'

const minute = 60_000
const day = 24 * 60 * minute
const made = await initInMemory()

beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }))
afterEach(() => mock.timers.reset())

/** A lock of somebody else: another machine's unless said otherwise. */
async function foreignLock(repository: Repository, about: Partial<LockFile> & { readonly at?: number } = {}) {
  const { at = Date.now(), ...rest } = about
  const time = formatTime(BigInt(at) * 1_000_000n)
  const lock = { time, exclusive: false, hostname: 'elsewhere', username: 'bob', pid: 4242, uid: 0, gid: 0, ...rest }
  return await repository.saveFile('lock', encodeLockFile(lock))
}

/** The lock's timer looks, and what it began is done. */
async function tick(): Promise<void> {
  mock.timers.tick(1_000)
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
}

async function heldBy(
  { repository }: InMemory,
  options: LockOptions = {},
): Promise<HeldLock & { clock: SettableClock }> {
  const clock = (options.clock as SettableClock | undefined) ?? new SettableClock()
  return Object.assign(await lockRepository(repository, { ...options, clock }), { clock })
}

test('shared locks go together, and an exclusive one with nothing', async () => {
  const one = await copyOf(made)
  const first = await heldBy(one)
  const second = await heldBy(one)
  await assert.rejects(heldBy(one, { exclusive: true }), { code: 'REPOSITORY_LOCKED', exitCode: 11 })
  await first[Symbol.asyncDispose]()
  await second[Symbol.asyncDispose]()
  const exclusive = await heldBy(one, { exclusive: true })
  await assert.rejects(heldBy(one), { code: 'REPOSITORY_LOCKED', message: /locked exclusively by .*process/ })
  await assert.rejects(heldBy(one, { exclusive: true }), { code: 'REPOSITORY_LOCKED' })
  await exclusive[Symbol.asyncDispose]()
  assert.deepEqual(await namesOf(one.backend, 'lock'), [])
})

test('a refused lock leaves nothing behind', async () => {
  const one = await copyOf(made)
  const foreign = await foreignLock(one.repository, { exclusive: true })
  await assert.rejects(heldBy(one), { code: 'REPOSITORY_LOCKED' })
  assert.deepEqual(await namesOf(one.backend, 'lock'), [foreign])
})

test('where nothing can be written, the error tells how to read all the same', async () => {
  const { repository, backend } = await copyOf(made)
  const denied = new BackendError('ACCESS_DENIED', { location: 'a disk', reason: 'read-only file system' })
  mock.method(backend, 'write', () => Promise.reject(denied))
  for (const early of [true, false]) {
    await assert.rejects(lockRepository(repository, { early }), {
      code: 'LOCK_REFUSED',
      message: /cannot be locked: Access to a disk was refused \(read-only file system\)\./,
      hint: /--no-lock/,
    })
  }
})

test('of two exclusive lockers at once at most one gets through, and with patience both do, one after the other', async () => {
  mock.timers.reset()
  const one = await copyOf(made)
  const options = { exclusive: true }
  const tries = await Promise.allSettled([
    lockRepository(one.repository, options),
    lockRepository(one.repository, options),
  ])
  const winners = tries.filter((result) => result.status === 'fulfilled')
  assert.ok(winners.length <= 1)
  for (const { value } of winners) await value[Symbol.asyncDispose]()

  let holders = 0
  const work = async () => {
    const clock = new SettableClock()
    // Waits for others take a thousandth of their time.
    clock.sleep = (milliseconds) => (clock.pass(milliseconds), sleep(milliseconds / (milliseconds > 200 ? 100 : 1)))
    await using _ = await lockRepository(one.repository, { ...options, retryFor: 60 * minute, clock })
    assert.equal(++holders, 1)
    await sleep(50)
    holders--
  }
  await Promise.all([work(), work(), work()])
})

test('a wait for a lock is announced once, ends when its time is over, and can be interrupted', async () => {
  const one = await copyOf(made)
  const clock = new SettableClock()
  await foreignLock(one.repository, { exclusive: true, at: clock.now() })
  const waits: Error[] = []
  const began = clock.now()
  const onWait = (holder: Error) => waits.push(holder)
  await assert.rejects(heldBy(one, { retryFor: 4 * minute, onWait, clock }), { code: 'REPOSITORY_LOCKED' })
  assert.equal(waits.length, 1)
  assert.ok(clock.now() - began >= 4 * minute && clock.now() - began < 5 * minute)
  const abort = new AbortController()
  const interrupted = heldBy(one, {
    retryFor: 4 * minute,
    onWait: () => abort.abort(new Error('enough')),
    signal: abort.signal,
  })
  await assert.rejects(interrupted, /enough/)
})

test('a lock that nobody has refreshed for half an hour is removed on the way', async () => {
  const one = await copyOf(made)
  const clock = new SettableClock()
  await foreignLock(one.repository, { exclusive: true, at: clock.now() - 29 * minute })
  await assert.rejects(heldBy(one, { clock }), { code: 'REPOSITORY_LOCKED' })
  clock.pass(2 * minute)
  await using _ = await heldBy(one, { clock })
  assert.equal((await namesOf(one.backend, 'lock')).length, 1)
})

test('a stale shared lock does not stop an exclusive one', async () => {
  const one = await copyOf(made)
  await foreignLock(one.repository, { at: Date.now() - 31 * minute })
  await using _ = await heldBy(one, { exclusive: true })
})

test('where the storage tells the age of a lock, that counts, whatever the clock of its holder says', async () => {
  for (const at of [Date.now() - day, Date.now(), Date.now() + day]) {
    const one = await copyOf(made)
    const name = await foreignLock(one.repository, { exclusive: true, at })
    const withAge = (age: number) =>
      openFiles(one.files, [
        {
          on: 'list',
          type: 'lock',
          times: 9,
          fault: { kind: 'stale list', hide: [name], show: [{ name, size: 1, age }] },
        },
      ])
    await assert.rejects(heldBy(await withAge(29 * minute)), { code: 'REPOSITORY_LOCKED' })
    assert.ok(one.files.has(`lock/${name}`))
    // Its deletion is what is looked at: the listing goes on showing it.
    await using _ = await heldBy(await withAge(31 * minute))
    assert.ok(!one.files.has(`lock/${name}`))
  }
})

test('a lock of a process that has ended on this machine is stale, and one of a live process is not', async () => {
  const one = await copyOf(made)
  const child = spawn('sleep', ['60'])
  const { pid = 0 } = child
  const options = { exclusive: true, hostname: hostname(), pid }
  await foreignLock(one.repository, options)
  await assert.rejects(heldBy(one), { code: 'REPOSITORY_LOCKED' })
  const reused = await copyOf(made)
  await foreignLock(reused.repository, { ...options, at: Date.now() - 20 * minute })
  await using _reused = await heldBy(reused) // the process is younger than the lock: it only has the same number
  child.kill('SIGKILL')
  await once(child, 'exit')
  await using _dead = await heldBy(one)
})

test('a clock that was set forward by a few minutes robs no live holder on this machine', async () => {
  const one = await copyOf(made)
  const child = spawn('sleep', ['60'])
  // As if the clock had been set forward since: the process seems to have begun four minutes after its lock.
  await foreignLock(one.repository, {
    exclusive: true,
    hostname: hostname(),
    pid: child.pid ?? 0,
    at: Date.now() - 4 * minute,
  })
  await assert.rejects(heldBy(one), { code: 'REPOSITORY_LOCKED' })
  child.kill('SIGKILL')
})

test('empty lock files are passed over, and unreadable ones block until they are removed on purpose', async () => {
  const one = await copyOf(made)
  one.files.set(`lock/${'e'.repeat(64)}`, Buffer.alloc(0))
  await (await heldBy(one, { exclusive: true }))[Symbol.asyncDispose]()
  one.files.set(`lock/${'f'.repeat(64)}`, Buffer.from('what is this'))
  await assert.rejects(heldBy(one), { code: 'REPOSITORY_LOCKED', message: /cannot be read/ })
  assert.equal(await removeLocks(one.repository), 0)
  assert.equal(await removeLocks(one.repository, { all: true }), 1)
  await using _ = await heldBy(one)
})

test('a lock that goes while locks are listed is no obstacle', async () => {
  const show = [{ name: 'd'.repeat(64), size: 100 }]
  const one = await copyOf(made, [{ on: 'list', type: 'lock', times: 9, fault: { kind: 'stale list', show } }])
  await using _ = await heldBy(one, { exclusive: true })
})

test('a lock is refreshed by writing a new one and then deleting the old one', async () => {
  const one = await copyOf(made)
  const held = await heldBy(one)
  const [before] = await namesOf(one.backend, 'lock')
  held.clock.pass(4 * minute)
  await tick()
  assert.deepEqual(await namesOf(one.backend, 'lock'), [before])
  held.clock.pass(2 * minute)
  const callsBefore = one.backend.calls.length
  await tick()
  const [after, ...more] = await namesOf(one.backend, 'lock')
  assert.deepEqual([after !== before, more], [true, []])
  const calls = one.backend.calls.slice(callsBefore).filter(({ method }) => method === 'write' || method === 'delete')
  assert.deepEqual(
    calls.map(({ method, name }) => [method, name]),
    [
      ['write', after],
      ['delete', before],
    ],
  )
  await held.verify()
  await held[Symbol.asyncDispose]()
  assert.deepEqual(await namesOf(one.backend, 'lock'), [])
})

test('an old lock file that could not be deleted goes later, at the latest with the lock', async () => {
  const one = await copyOf(made)
  const held = await heldBy(one)
  one.backend.add({ on: 'delete', type: 'lock', fault: { kind: 'fail', error: unreachable() } })
  held.clock.pass(6 * minute)
  await tick()
  assert.equal((await namesOf(one.backend, 'lock')).length, 2)
  await held[Symbol.asyncDispose]()
  assert.deepEqual(await namesOf(one.backend, 'lock'), [])
})

test('a lock that cannot be refreshed is lost well before others may take it for stale', async () => {
  const one = await copyOf(made)
  const held = await heldBy(one)
  one.backend.add({ on: 'write', type: 'lock', times: Infinity, fault: { kind: 'fail', error: unreachable() } })
  for (let passed = 0; passed < 22; passed++) {
    held.clock.pass(minute)
    await tick()
    assert.equal(held.signal.aborted, false)
    await held.ensure()
  }
  held.clock.pass(minute)
  await tick()
  assert.equal((held.signal.reason as { code: string }).code, 'LOCK_LOST')
  await assert.rejects(held.ensure(), { code: 'LOCK_LOST', exitCode: 11 })
  await assert.rejects(held.verify(), { code: 'LOCK_LOST' })
  await held[Symbol.asyncDispose]()
})

test('a lock that cannot be refreshed is lost even when the clock is set back meanwhile', async () => {
  const one = await copyOf(made)
  const held = await heldBy(one)
  one.backend.add({ on: 'write', type: 'lock', times: Infinity, fault: { kind: 'fail', error: unreachable() } })
  held.clock.wall -= day
  held.clock.pass(23 * minute)
  await tick()
  await assert.rejects(held.ensure(), { code: 'LOCK_LOST' })
})

test('a clock that jumps makes no lock lost: the lock is written anew', async () => {
  for (const jump of [-day, -60 * minute, 60 * minute, 365 * day]) {
    const one = await copyOf(made)
    const held = await heldBy(one)
    const [before] = await namesOf(one.backend, 'lock')
    held.clock.wall += jump
    await tick()
    const [after, ...more] = await namesOf(one.backend, 'lock')
    assert.deepEqual([after !== before, more.length, held.signal.aborted], [true, 0, false])
    await held[Symbol.asyncDispose]()
  }
})

test('after a long sleep of the machine a lock that was broken is lost, and one that is still there is refreshed', async () => {
  for (const look of [(held: HeldLock) => held.ensure(), tick]) {
    const one = await copyOf(made)
    const held = await heldBy(one)
    held.clock.suspend(45 * minute)
    await look(held)
    assert.equal(held.signal.aborted, false)
    const [locks] = await loadLocks(one.repository)
    assert.ok(
      !(locks?.lock instanceof Error) &&
        locks?.lock.time.startsWith(new Date(held.clock.now()).toISOString().slice(0, 15)),
    )

    held.clock.suspend(45 * minute)
    for (const name of await namesOf(one.backend, 'lock')) one.files.delete(`lock/${name}`)
    await look(held).catch(() => undefined)
    await assert.rejects(held.ensure(), { code: 'LOCK_LOST' })
    await held[Symbol.asyncDispose]()
    assert.deepEqual(await namesOf(one.backend, 'lock'), [])
  }
})

test('a lock that is broken while it is being refreshed late is lost', async () => {
  const one = await copyOf(made)
  const held = await heldBy(one)
  const [old] = await namesOf(one.backend, 'lock')
  held.clock.suspend(45 * minute)
  // The pruner breaks it right after the holder has looked, and never sees the new one.
  held.clock.sleep = async () => void one.files.delete(`lock/${old}`)
  await assert.rejects(held.ensure(), { code: 'LOCK_LOST' })
  await held[Symbol.asyncDispose]()
  assert.deepEqual(await namesOf(one.backend, 'lock'), [])
})

test('a lock that is refreshed while it is verified is not taken for lost', async () => {
  const one = await copyOf(made)
  const held = await heldBy(one)
  const looked = Promise.withResolvers<void>()
  const { size } = one.backend
  one.backend.size = async (file, options) => {
    await looked.promise
    return await size.call(one.backend, file, options)
  }
  const verified = held.verify()
  held.clock.pass(6 * minute)
  await tick()
  looked.resolve()
  await verified
  await held[Symbol.asyncDispose]()
})

test('the abort of the caller ends the signal, and still the lock can be asked about and given back', async () => {
  const one = await copyOf(made)
  const abort = new AbortController()
  const held = await heldBy(one, { signal: abort.signal })
  abort.abort(new Error('Ctrl-C'))
  assert.equal((held.signal.reason as Error).message, 'Ctrl-C')
  await held.ensure()
  await held.verify()
  await held[Symbol.asyncDispose]()
  assert.deepEqual(await namesOf(one.backend, 'lock'), [])
})

test('an early lock is there before it is certain; who else wrote one meanwhile ends what has begun, before anything is written', async () => {
  const one = await copyOf(made)
  const clock = new SettableClock()
  const meanwhile = Promise.withResolvers<void>()
  clock.sleep = async () => await meanwhile.promise
  await using early = await heldBy(one, { early: true, clock })
  assert.equal((await namesOf(one.backend, 'lock')).length, 1)
  await foreignLock(one.repository, { exclusive: true })
  assert.equal(early.signal.aborted, false)
  const ensured = assert.rejects(early.ensure(), { code: 'REPOSITORY_LOCKED' })
  meanwhile.resolve()
  await assert.rejects(early.settled, { code: 'REPOSITORY_LOCKED' })
  await ensured
  assert.equal((early.signal.reason as { code?: string }).code, 'REPOSITORY_LOCKED')
})

test('an early lock can be given back before it is certain, and whoever works under it hears nothing of that', async () => {
  const one = await copyOf(made)
  const early = await lockRepository(one.repository, { early: true })
  await early[Symbol.asyncDispose]()
  assert.deepEqual([early.signal.aborted, await namesOf(one.backend, 'lock')], [false, []])
})

test('restic respects our locks, and we respect its', { skip: missing('restic') }, async () => {
  mock.timers.reset()
  await using folder = await tempFolder()
  const path = folder.join('repository')
  const env = { RESTIC_REPOSITORY: path, RESTIC_PASSWORD: password, RESTIC_CACHE_DIR: folder.join('cache') }
  await runOk(peer('restic'), ['init'], { env })
  cheapenKey(path, password)
  using repository = await openRepository(new LocalBackend(path), { password })
  const backup = ['backup', '--stdin', '--stdin-filename', 'x']

  const exclusive = await lockRepository(repository, { exclusive: true })
  assert.equal((await run(peer('restic'), backup, { env, input: 'x' })).code, 11)
  await exclusive[Symbol.asyncDispose]()
  const shared = await lockRepository(repository)
  assert.equal((await run(peer('restic'), backup, { env, input: 'x' })).code, 0)
  assert.equal((await run(peer('restic'), ['prune'], { env })).code, 11)
  await shared[Symbol.asyncDispose]()

  const child = spawn(peer('restic'), backup, { env: { ...process.env, ...env }, stdio: ['pipe', 'ignore', 'ignore'] })
  while ((await loadLocks(repository)).length === 0) await sleep(50)
  await assert.rejects(lockRepository(repository, { exclusive: true }), { code: 'REPOSITORY_LOCKED' })
  await (await lockRepository(repository))[Symbol.asyncDispose]()
  child.stdin.end('x')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

function unreachable(): BackendError {
  return new BackendError('STORAGE_UNREACHABLE', { location: 'x', reason: 'gone' })
}
