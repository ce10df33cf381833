import assert from 'node:assert/strict'
import { existsSync, utimesSync } from 'node:fs'
import { after, test } from 'node:test'
import { LocalBackend } from '#backend'
import { backUp } from '#archiver'
import { initRepository, loadSnapshots, lockRepository } from '#repository'
import { encodeLockFile } from '../../src/repository/format/lock-file.ts'
import { formatTime } from '../../src/repository/format/time.ts'
import { file, memorySource } from '../helpers/memory-source.ts'
import { SettableClock } from '../helpers/settable-clock.ts'
import { tempFolder } from '../helpers/temp.ts'

/** Clocks that are wrong, or jump (D4 and D5 of the failure cases), on a real file system with a clock of its own. */

const [minute, day] = [60_000, 86_400_000]
const identity = { hostname: 'here', username: 'ann', uid: 0, gid: 0, tags: [], excludes: [], programVersion: '' }
const tree = { data: { a: file('content') } }

const folder = await tempFolder()
after(() => folder[Symbol.asyncDispose]())
const backend = new LocalBackend(folder.join('repository'))
const repository = await initRepository(backend, { password: 'x' })

/** A lock of another machine, written so many minutes ago by the storage's clock, with the time of its holder's clock. */
async function foreignLock(says: number, age: number): Promise<string> {
  const time = formatTime(BigInt(says) * 1_000_000n)
  const lock = { time, exclusive: true, hostname: 'elsewhere', username: 'bob', pid: 7, uid: 0, gid: 0 }
  const name = await repository.saveFile('lock', encodeLockFile(lock))
  const path = folder.join('repository', 'locks', name)
  const written = new Date(Date.now() - age)
  utimesSync(path, written, written)
  return path
}

for (const wrong of [-day, 0, day]) {
  test(`a lock of a machine whose clock is wrong by ${wrong / day} days lives half an hour, by the storage's clock`, async () => {
    const path = await foreignLock(Date.now() + wrong, 25 * minute)
    await assert.rejects(lockRepository(repository), { code: 'REPOSITORY_LOCKED' })
    assert.ok(existsSync(path), 'a live lock was removed')
    await backend.delete({ type: 'lock', name: path.slice(-64) })

    const stale = await foreignLock(Date.now() + wrong, 35 * minute)
    await using _ = await lockRepository(repository)
    assert.ok(!existsSync(stale), 'nobody may wait for a lock that nobody keeps')
  })
}

for (const jump of [-60 * minute, 365 * day]) {
  test(`a backup during which the clock jumps by ${jump / minute} minutes ends well`, async () => {
    const clock = new SettableClock()
    const finish = async () => void (clock.wall += jump)
    const { snapshot, start, end } = await backUp(repository, memorySource(tree, { finish }), {
      identity,
      threads: 1,
      clock,
    })
    assert.notEqual(snapshot, undefined)
    assert.ok(end >= start && end - start < minute)
    await using _ = await lockRepository(repository, { exclusive: true })
  })
}

test('a snapshot of the future is neither parent nor in the way', async () => {
  const clock = new SettableClock()
  const first = await backUp(repository, memorySource(tree), { identity, threads: 1, clock })
  const ahead = new SettableClock(clock.now() + 365 * day)
  const future = await backUp(repository, memorySource(tree), { identity, threads: 1, clock: ahead })
  clock.pass(minute)
  const next = await backUp(repository, memorySource(tree), { identity, threads: 1, clock })
  assert.equal(next.parent?.id, first.snapshot)
  assert.equal((await loadSnapshots(repository)).at(-1)?.id, future.snapshot)
})
