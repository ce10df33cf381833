import { rmSync, utimesSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { hostname } from 'node:os'
import { LocalBackend } from '#backend'
import { formatTime, openRepository } from '#repository'
import { encodeLockFile } from '../../../src/repository/format/lock-file.ts'
import { TortureFailure } from '../failure.ts'
import { password, refuse } from '../programs.ts'
import { atShare, chance } from '../random.ts'
import type { TorturedRepository, World } from '../world.ts'
import { clearStaleLocks } from './action.ts'
import type { Action } from './action.ts'

interface LockOrder {
  readonly kind: 'lock'
  readonly exclusive: boolean
  readonly holder: 'elsewhere' | 'dead here' | 'elsewhere, silent'
  /** Milliseconds by which the clock of its holder is wrong. */
  readonly skew: number
}

interface AsleepOrder {
  readonly kind: 'asleep'
  /** After which share of its usual time the backup falls asleep. */
  readonly after: number
  /** Which snapshots are forgotten meanwhile, as shares of all. */
  readonly picks: readonly number[]
}

const minute = 60_000

/** A lock that somebody else holds, or has left behind. */
export const lock: Action<LockOrder> = {
  kind: 'lock',
  weight: 3,
  decide: (random) => ({
    kind: 'lock',
    exclusive: chance(random, 0.6),
    holder: random.pick(['elsewhere', 'dead here', 'elsewhere, silent'] as const),
    skew: random.pick([0, 0, 0, -20 * minute, 20 * minute]),
  }),
  async run(world, order) {
    const repository = world.repositories[0]
    const { storage } = repository
    const isHeld = order.holder === 'elsewhere'
    const path = await putLock(repository, order)
    const looked = await world.programs.understudy({ storage, args: ['snapshots'] })
    expectLocked(looked, isHeld && order.exclusive, 'a command that reads', order)
    const pruned = await world.programs.understudy({ storage, args: ['prune', '--max-unused', '50%'] })
    expectLocked(pruned, isHeld, 'prune', order)
    rmSync(path, { force: true })
  },
}

function expectLocked(
  ended: { how: string; stdout: string; stderr: string },
  isHeld: boolean,
  what: string,
  order: LockOrder,
) {
  const expected = isHeld ? 'locked' : 'ok'
  if (ended.how !== expected)
    refuse(`with a lock (${JSON.stringify(order)}) ${what} ended with ${ended.how}, not ${expected}`, ended)
}

/** Writes a lock as another program would; returns its path. */
async function putLock({ storage }: TorturedRepository, { exclusive, holder, skew }: LockOrder): Promise<string> {
  await using backend = new LocalBackend(storage.folder)
  using repository = await openRepository(backend, { password })
  // Half an hour is the limit, and neither of these comes near it by the holder's wrong clock.
  const age = holder === 'elsewhere, silent' ? 55 * minute : 5 * minute
  const written = Date.now() - age + skew
  const json = encodeLockFile({
    time: formatTime(BigInt(Math.min(written, Date.now())) * 1_000_000n),
    exclusive,
    hostname: holder === 'dead here' ? hostname() : 'elsewhere',
    username: 'somebody',
    pid: holder === 'dead here' ? 2 ** 22 + 1 : 4711,
    uid: 0,
    gid: 0,
  })
  const path = `${storage.folder}/locks/${await repository.saveFile('lock', json)}`
  utimesSync(path, (Date.now() - age) / 1000, (Date.now() - age) / 1000)
  return path
}

/** A backup falls asleep; others break its lock, forget and prune; it wakes. What it then says it has stored must be there. */
export const asleep: Action<AsleepOrder> = {
  kind: 'asleep',
  weight: 2,
  decide: (random) => ({
    kind: 'asleep',
    after: random.next(),
    picks: Array.from({ length: random.below(4) }, () => random.next()),
  }),
  async run(world, order) {
    const repository = world.repositories[0]
    const expectation = { key: world.newKey(), reference: world.freeze(), busy: false, without: [] }
    const args = ['backup', '--tag', expectation.key, '--pack-size', '4', '--force', world.source]
    const began = performance.now()
    const running = world.programs.startUnderstudy({ storage: repository.storage, args })
    await using _running = running
    await sleep(order.after * 1200)
    running.kill('SIGSTOP')
    world.tally.add('pauses')
    await breakIn(world, repository, order.picks)
    running.kill('SIGCONT')
    const ended = await running.result
    world.journal.command({
      program: 'understudy',
      args,
      code: ended.code,
      milliseconds: Math.round(performance.now() - began),
      words: ended.stderr,
    })
    if (ended.code === 0) repository.model.promised(expectation)
    else if (!/\((LOCK_LOST|BLOBS_REMOVED|REPOSITORY_LOCKED|[A-Z0-9_]+)\)$/m.test(ended.stderr)) {
      throw new TortureFailure('a backup that slept crashed', ended.stderr.split('\n'))
    }
  },
}

async function breakIn(world: World, repository: TorturedRepository, picks: readonly number[]): Promise<void> {
  const { model, storage } = repository
  await world.programs.resticOk({ storage, args: ['unlock', '--remove-all', '--no-cache'] })
  const keys = new Set(picks.flatMap((share) => atShare(model.expectations, share)?.key ?? []))
  const ids = [...keys].flatMap((one) => model.idsOf(one))
  if (ids.length > 0) await world.programs.resticOk({ storage, args: ['forget', ...ids, '--no-cache'] })
  model.forgotten(keys)
  await clearStaleLocks(world, repository)
  await world.programs.resticOk({ storage, args: ['prune', '--max-unused', '0', '--no-cache'] })
}
