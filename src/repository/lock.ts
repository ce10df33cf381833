import { readFileSync } from 'node:fs'
import { hostname as machineName, userInfo } from 'node:os'
import { hasCode, messageOf, systemClock, throwIfBug } from '#base'
import type { Cancellable, Clock } from '#base'
import { RepositoryError } from './errors.ts'
import { decodeLockFile, encodeLockFile } from './format/lock-file.ts'
import type { LockFile } from './format/lock-file.ts'
import { formatTime, parseTime } from './format/time.ts'
import type { Repository } from './repository.ts'

/**
 * Locks as restic's (restic: internal/repository/lock.go): a file that says who works here. Any number of shared locks
 * may be held at once, or a single exclusive one. A lock is kept by writing a new file and then deleting the old one.
 */

/** A lock that is older than this is stale: nobody keeps it any more. */
const staleAfter = 30 * 60_000
const refreshEvery = 5 * 60_000
/** Without a refresh for this long a holder must stop, a good while before others may take the lock for stale. */
const lostAfter = staleAfter - 1.5 * refreshEvery
/** Between writing a lock and looking again whether somebody else did the same. */
const waitBeforeCheck = 200
const firstRetry = 5_000
const longestRetry = 60_000

export interface LockOptions extends Cancellable {
  readonly exclusive?: boolean
  /** How long to wait for others to finish, in milliseconds. Default: not at all. */
  readonly retryFor?: number
  /** Told when a wait begins. */
  readonly onWait?: (holder: Error) => void
  /**
   * Gives the lock back as soon as it is written: reading may begin while we look again whether somebody else wrote one at
   * the same time. If so, its `signal` aborts. Not together with `retryFor`: what has begun cannot begin again.
   */
  readonly early?: boolean
  readonly clock?: Clock
}

/** A lock that is held, and kept while it is held. Disposing gives it back. */
export interface HeldLock extends AsyncDisposable {
  /** Aborts when the lock is lost, or when the caller's own signal aborts: everything done under the lock must follow it. */
  readonly signal: AbortSignal
  /** Resolves when it is certain that nobody else's lock excludes this one: nothing may be written before. */
  readonly settled: Promise<void>
  /** Makes sure, now, that the lock is still there. Throws `LOCK_LOST`. */
  verify(): Promise<void>
  /**
   * The same, but asks the storage (and refreshes the lock) only when it has not been refreshed for so long that others
   * may have broken it: cheap enough for every step that would do harm without the lock.
   */
  ensure(): Promise<void>
}

/**
 * Takes a lock. Stale locks are removed on the way: a backup never fails for a lock that nobody holds.
 * Throws `REPOSITORY_LOCKED`, `LOCK_REFUSED`.
 */
export async function lockRepository(repository: Repository, options: LockOptions = {}): Promise<HeldLock> {
  const { exclusive = false, retryFor = 0, onWait, early = false, clock = systemClock, signal } = options
  if (early && retryFor === 0) return await writeLock(repository, exclusive, clock, { signal })
  const end = clock.monotonic() + retryFor
  let wait = firstRetry
  for (;;) {
    try {
      return await tryLock(repository, exclusive, clock, { signal })
    } catch (thrown) {
      const left = end - clock.monotonic()
      if (!hasCode(thrown, 'REPOSITORY_LOCKED') || left <= 0) throw thrown
      if (wait === firstRetry) onWait?.(thrown as Error)
      // Not in step with others: two that met would meet again at every try.
      await clock.sleep(Math.min(Math.round(wait * (0.5 + Math.random())), left), { signal })
      wait = Math.min(wait * 2, longestRetry)
    }
  }
}

/** Removes stale locks, or with `all` every lock; returns how many. Damaged locks go only with `all`. */
export async function removeLocks(
  repository: Repository,
  { all = false, clock = systemClock, signal }: { readonly all?: boolean; readonly clock?: Clock } & Cancellable = {},
): Promise<number> {
  let removed = 0
  for (const found of await loadLocks(repository, { signal })) {
    if (!all && (found.lock instanceof Error || !isStale(found, clock))) continue
    await repository.backend.delete({ type: 'lock', name: found.name }, { signal })
    removed++
  }
  return removed
}

export interface FoundLock {
  readonly name: string
  /** What the lock says, or why it cannot be read. */
  readonly lock: LockFile | Error
  /** Milliseconds since it was written, by the storage's own clock, where that can be known. */
  readonly age: number | undefined
}

/** Every lock there is. Empty files are passed over: a writer on a full disk leaves them (restic does the same). */
export async function loadLocks(repository: Repository, options: Cancellable = {}): Promise<FoundLock[]> {
  const found: FoundLock[] = []
  for await (const { name, size, age } of repository.backend.list('lock', options)) {
    if (size === 0) continue
    try {
      found.push({ name, lock: decodeLockFile(await repository.loadFile('lock', name, options)), age })
    } catch (thrown) {
      options.signal?.throwIfAborted()
      throwIfBug(thrown)
      if (!hasCode(thrown, 'FILE_NOT_FOUND')) found.push({ name, lock: thrown as Error, age })
    }
  }
  return found
}

async function tryLock(
  repository: Repository,
  exclusive: boolean,
  clock: Clock,
  options: Cancellable,
): Promise<HeldLock> {
  const held = await writeLock(repository, exclusive, clock, options)
  try {
    await held.settled
  } catch (thrown) {
    await held[Symbol.asyncDispose]()
    throw thrown
  }
  return held
}

async function writeLock(
  repository: Repository,
  exclusive: boolean,
  clock: Clock,
  options: Cancellable,
): Promise<HeldLock> {
  await refuseOtherLocks(repository, exclusive, undefined, clock, options)
  const held = new Held(repository, exclusive, clock, options)
  try {
    await held.create()
  } catch (thrown) {
    if (!hasCode(thrown, 'ACCESS_DENIED')) throw thrown
    throw new RepositoryError('LOCK_REFUSED', { reason: messageOf(thrown), cause: thrown })
  }
  held.settle(async (signal) => {
    await clock.sleep(waitBeforeCheck, { signal })
    await refuseOtherLocks(repository, exclusive, held.name, clock, { signal })
  })
  return held
}

async function refuseOtherLocks(
  repository: Repository,
  exclusive: boolean,
  own: string | undefined,
  clock: Clock,
  options: Cancellable,
): Promise<void> {
  for (const found of await loadLocks(repository, options)) {
    if (found.name === own) continue
    if (found.lock instanceof Error) throw lockedBy({ holder: `a lock that cannot be read (${found.lock.message})` })
    if (!exclusive && !found.lock.exclusive) continue
    if (!isStale(found, clock)) throw lockedBy(describeLock(found.lock))
    await repository.backend.delete({ type: 'lock', name: found.name }, options)
  }
}

/**
 * Stale: nobody has refreshed it for half an hour, or its process on this machine is gone. Where the storage tells a file's
 * age by its own clock, that counts, so that a holder whose clock is wrong is not robbed of a live lock.
 */
function isStale({ lock, age }: FoundLock, clock: Clock): boolean {
  if (lock instanceof Error) return false
  const written = Number(parseTime(lock.time) / 1_000_000n)
  if ((age ?? clock.now() - written) > staleAfter) return true
  return lock.hostname === machineName() && !holderLives(lock.pid, written)
}

/** Ticks a second in /proc: fixed for programs on every Linux. */
const clockTicks = 100
/**
 * How much later than its lock a process may seem to have started. When the clock is set forward, every process seems to
 * have started later than it did; by more than this, a live holder refreshes its lock at once.
 */
const startTolerance = refreshEvery

function holderLives(pid: number, lockWritten: number): boolean {
  if (pid === process.pid) return true
  try {
    process.kill(pid, 0)
  } catch (thrown) {
    return hasCode(thrown, 'EPERM')
  }
  const started = processStart(pid)
  // A process that began after the lock was written only has the number of the one that wrote it.
  return started === undefined || started < lockWritten + startTolerance
}

/** When a process began, in milliseconds since 1970; undefined where the system does not tell (proc(5): `starttime`, `btime`). */
function processStart(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    const boot = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))
    return (Number(boot?.[1]) + Number(fields[19]) / clockTicks) * 1000
  } catch {
    return undefined
  }
}

interface LockHolder {
  readonly holder: string
  readonly exclusively?: string
  readonly since?: string
}

function lockedBy({ holder, exclusively = '', since = 'some time' }: LockHolder): RepositoryError {
  return new RepositoryError('REPOSITORY_LOCKED', { holder, exclusively, since })
}

function describeLock({ hostname, username, pid, time, exclusive }: LockFile): LockHolder {
  const exclusively = exclusive ? 'exclusively ' : ''
  return { holder: `${username}@${hostname} (process ${pid})`, exclusively, since: time }
}

/** A moment by both clocks: the wall clock goes on while the machine sleeps, the other one never goes back. */
interface Moment {
  readonly wall: number
  readonly steady: number
}

class Held implements HeldLock {
  readonly #repository: Repository
  readonly #exclusive: boolean
  readonly #clock: Clock
  readonly #lost = new AbortController()
  readonly signal: AbortSignal
  settled: Promise<void> = Promise.resolve()
  readonly #givenBack = new AbortController()
  #name = ''
  /** Files of ours that another has taken the place of, and that could not be deleted yet. */
  readonly #replaced = new Set<string>()
  #refreshed: Moment = { wall: 0, steady: 0 }
  #timer: NodeJS.Timeout | undefined
  #refreshing: Promise<void> | undefined

  constructor(repository: Repository, exclusive: boolean, clock: Clock, { signal }: Cancellable) {
    this.#repository = repository
    this.#exclusive = exclusive
    this.#clock = clock
    this.signal = signal ? AbortSignal.any([signal, this.#lost.signal]) : this.#lost.signal
  }

  get name(): string {
    return this.#name
  }

  async create(): Promise<void> {
    const began = this.#now()
    this.#name = await this.#write()
    this.#refreshed = began
    // Looks often and acts rarely, because timers stand still while the machine sleeps.
    this.#timer = setInterval(() => this.#tick(), 1_000)
    this.#timer.unref()
  }

  /** Looks at others' locks once more; what is found excludes ours, and ends everything. */
  settle(look: (signal: AbortSignal) => Promise<void>): void {
    const signal = AbortSignal.any([this.signal, this.#givenBack.signal])
    this.settled = look(signal)
    this.settled.catch((thrown: unknown) => {
      if (!this.#givenBack.signal.aborted) this.#lost.abort(thrown)
    })
  }

  // Both are about the lock only: after the caller's own abort, what is stored may still be named in an index.
  async ensure(): Promise<void> {
    await this.settled
    this.#lost.signal.throwIfAborted()
    if (this.#age() > lostAfter) await this.#refreshOnce()
    this.#lost.signal.throwIfAborted()
  }

  async verify(): Promise<void> {
    await this.settled
    this.#lost.signal.throwIfAborted()
    if (!(await this.#exists())) this.#lose('another program has removed it')
    this.#lost.signal.throwIfAborted()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.#givenBack.abort()
    await this.settled.catch(() => undefined)
    await this.#refreshing
    if (this.#name !== '') this.#replaced.add(this.#name)
    this.#name = ''
    // Best effort: a lock that stays is stale as soon as this process has ended.
    await this.#deleteReplaced().catch(() => undefined)
  }

  #now(): Moment {
    return { wall: this.#clock.now(), steady: this.#clock.monotonic() }
  }

  /** Milliseconds since the lock was written. Whichever clock was wrong meanwhile, the other one tells. */
  #age(): number {
    const { wall, steady } = this.#now()
    return Math.max(wall - this.#refreshed.wall, steady - this.#refreshed.steady)
  }

  #tick(): void {
    if (this.#lost.signal.aborted) return
    // A clock that was set back makes the lock one of the future, for others: it is written anew.
    const isOfTheFuture = this.#clock.now() < this.#refreshed.wall
    if (isOfTheFuture || this.#age() >= refreshEvery) void this.#refreshOnce()
  }

  #refreshOnce(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #refresh(): Promise<void> {
    try {
      // After so long others may have taken it for stale: it must be there before the new one is written, and after.
      const isLate = this.#age() > lostAfter
      if (isLate && !(await this.#exists())) return this.#lose('it became stale and was removed')
      const began = this.#now()
      const [old, name] = [this.#name, await this.#write()]
      if (isLate && !(await this.#outlives(name))) return this.#lose('it became stale and was removed')
      this.#name = name
      this.#refreshed = began
      this.#replaced.add(old)
      await this.#deleteReplaced()
    } catch (thrown) {
      if (this.#age() > lostAfter) this.#lose(messageOf(thrown))
    }
  }

  /** Whether the old lock is still there when others have had time to see the new one. */
  async #outlives(name: string): Promise<boolean> {
    this.#replaced.add(name)
    await this.#clock.sleep(waitBeforeCheck)
    if (!(await this.#exists())) return false
    this.#replaced.delete(name)
    return true
  }

  async #exists(): Promise<boolean> {
    for (;;) {
      const name = this.#name
      if ((await this.#repository.backend.size({ type: 'lock', name })) !== undefined) return true
      if (name === this.#name) return false // else it was refreshed meanwhile
    }
  }

  async #deleteReplaced(): Promise<void> {
    for (const name of this.#replaced) {
      await this.#repository.backend.delete({ type: 'lock', name })
      this.#replaced.delete(name)
    }
  }

  #lose(reason: string): void {
    this.#lost.abort(new RepositoryError('LOCK_LOST', { reason }))
  }

  async #write(): Promise<string> {
    const { username, uid, gid } = userInfo()
    const lock: LockFile = {
      time: formatTime(BigInt(this.#clock.now()) * 1_000_000n),
      exclusive: this.#exclusive,
      hostname: machineName(),
      username,
      pid: process.pid,
      uid: Math.max(0, uid),
      gid: Math.max(0, gid),
    }
    return await this.#repository.saveFile('lock', encodeLockFile(lock), {})
  }
}
