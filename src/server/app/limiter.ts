import type { Clock } from '#base'
import { ServerError } from '../errors.ts'

/**
 * Slows down guessing of passwords: each address may fail so many times in a while, and each account, too. An account that
 * is being guessed at stays open to the addresses from which its owner has signed in before: an attacker can lock nobody out.
 */
export class AddressLimiter {
  readonly #clock: Clock
  readonly #failures = new Map<string, { count: number; readonly until: number }>()
  readonly #proven = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Throws `TOO_MANY_REQUESTS`. */
  check(address: string, account: string | undefined): void {
    if (account === undefined) return
    this.checkAddress(address)
    if (!this.#proven.has(`${address} ${account}`)) this.#refuseBeyond(`account ${account}`, mostOfAccount)
  }

  /** For what no account is named for: links and lines. Throws `TOO_MANY_REQUESTS`. */
  checkAddress(address: string): void {
    this.#refuseBeyond(`address ${address}`, mostOfAddress)
  }

  learnFailure(address: string): void {
    this.#count(`address ${address}`)
  }

  /** How a try has ended. */
  learn(address: string, account: string, isRight: boolean): void {
    const now = this.#clock.monotonic()
    if (isRight) {
      put(this.#proven, `${address} ${account}`, now)
      this.#failures.delete(`address ${address}`)
      return
    }
    this.#count(`address ${address}`)
    this.#count(`account ${account}`)
  }

  #count(key: string): void {
    const known = this.#current(key)
    if (known) known.count++
    else put(this.#failures, key, { count: 1, until: this.#clock.monotonic() + window })
  }

  #refuseBeyond(key: string, most: number): void {
    const known = this.#current(key)
    if (!known || known.count < most) return
    const seconds = Math.ceil((known.until - this.#clock.monotonic()) / 1000)
    throw new ServerError('TOO_MANY_REQUESTS', { seconds })
  }

  #current(key: string) {
    const known = this.#failures.get(key)
    if (known && known.until > this.#clock.monotonic()) return known
    this.#failures.delete(key)
    return undefined
  }
}

/** Failures within `window` milliseconds. */
const mostOfAddress = 20
const mostOfAccount = 10
const window = 15 * 60_000
/** What is remembered of each kind; the oldest go first, so that made-up accounts take no more memory than this. */
const mostRemembered = 10_000

function put<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > mostRemembered) map.delete(map.keys().next().value as string)
}
