import type { Clock } from '#base'

export interface Attempt {
  /** Of the network. */
  readonly address: string
  /** The user name that was given; undefined where the secret is all there is: links, enrolment lines. */
  readonly account?: string | undefined
}

/** How many wrong ones cost nothing, by what they are counted by. */
export interface FreeAttempts {
  readonly address: number
  readonly account: number
  /** An account, from an address from which it has come in before. */
  readonly pair: number
}

interface Failures {
  readonly count: number
  /** By the monotonic clock. */
  readonly last: number
  readonly until: number
}

/** Every further one doubles the wait. Many machines may share one address. */
const usuallyFree: FreeAttempts = { address: 30, account: 10, pair: 10 }
const firstWait = 1000
const longestWait = 5 * 60_000
/** Without a wrong password for so long, all is forgotten. */
const forgottenAfter = 60 * 60_000
/** Entries that are remembered at least; more drive out the oldest. */
const remembered = 20_000

/**
 * Slows down who tries passwords, by address and by account, in bounded memory.
 *
 * That must not become a way to lock somebody else out: where an account has come in before from an address, it is held up
 * only by wrong passwords of that account from that address, not by what others do from elsewhere or beside it.
 */
export class WrongCredentials {
  readonly #clock: Clock
  readonly #free: FreeAttempts
  readonly #failures = new BoundedMap<Failures>(remembered)
  readonly #known = new BoundedMap<true>(remembered)

  constructor(clock: Clock, { free = usuallyFree }: { readonly free?: FreeAttempts } = {}) {
    this.#clock = clock
    this.#free = free
  }

  /** Milliseconds until the attempt may be looked at; 0: now. */
  wait(attempt: Attempt): number {
    const now = this.#clock.monotonic()
    const waits = this.#keys(attempt).map(([, key]) => (this.#failures.get(key)?.until ?? 0) - now)
    return Math.max(0, ...waits)
  }

  failed(attempt: Attempt): void {
    for (const key of this.#keys(attempt)) this.#count(key, 1)
  }

  succeeded({ address, account }: Attempt): void {
    if (account === undefined) return
    const pair = pairOf(address, account)
    this.#known.set(pair, true) // again each time, so that who comes often is not forgotten
    this.#failures.delete(pair)
  }

  /**
   * Counts an attempt as wrong until it has shown to be right, where looking at it takes a while: a hundred passwords that
   * are sent at once get no further than a hundred one after the other. Call what it returns when it was right.
   */
  begin(attempt: Attempt): () => void {
    const keys = this.#keys(attempt)
    for (const key of keys) this.#count(key, 1)
    return () => {
      for (const key of keys) this.#count(key, -1)
      this.succeeded(attempt)
    }
  }

  #count([kind, key]: Key, step: 1 | -1): void {
    const now = this.#clock.monotonic()
    const before = this.#failures.get(key)
    const count = Math.max(0, (before && now - before.last < forgottenAfter ? before.count : 0) + step)
    const over = count - this.#free[kind]
    const wait = over > 0 ? Math.min(longestWait, firstWait * 2 ** (over - 1)) : 0
    this.#failures.set(key, { count, last: now, until: now + wait })
  }

  #keys({ address, account }: Attempt): readonly Key[] {
    const ofAddress: Key = ['address', `address ${networkOf(address)}`]
    if (account === undefined) return [ofAddress]
    const pair = pairOf(address, account)
    return this.#known.get(pair) ? [['pair', pair]] : [ofAddress, ['account', `account ${shorten(account)}`]]
  }
}

type Key = readonly [keyof FreeAttempts, string]

function pairOf(address: string, account: string): string {
  return `pair ${networkOf(address)} ${shorten(account)}`
}

/** Whoever has one address of IPv6 has a whole /64 of them. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::')
  const left = head.split(':').filter((group) => group !== '')
  const right = (tail ?? '').split(':').filter((group) => group !== '')
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].slice(0, 4).join(':')
}

function shorten(account: string): string {
  return account.slice(0, 128)
}

/**
 * Keeps what was set last, at least so many entries and at most twice as many: when the newer half is full, it becomes the
 * older one, whose entries are forgotten. Dropping the oldest entry of one `Map` again and again would take ever longer.
 */
class BoundedMap<Value> {
  #newer = new Map<string, Value>()
  #older = new Map<string, Value>()
  readonly #least: number

  constructor(least: number) {
    this.#least = least
  }

  get(key: string): Value | undefined {
    return this.#newer.get(key) ?? this.#older.get(key)
  }

  set(key: string, value: Value): void {
    if (this.#newer.size >= this.#least && !this.#newer.has(key)) {
      this.#older = this.#newer
      this.#newer = new Map()
    }
    this.#newer.set(key, value)
  }

  delete(key: string): void {
    this.#newer.delete(key)
    this.#older.delete(key)
  }
}
