import type { Clock } from '#base'
import { WrongCredentials } from '../endpoint/index.ts'
import type { Attempt } from '../endpoint/index.ts'
import { ServerError } from '../errors.ts'

/** People mistype; who fails more often waits, each time twice as long. */
const free = { address: 19, account: 9, pair: 9 }

/**
 * Slows down guessing of passwords, links and enrolment lines, by address and by account. An account that is being guessed at
 * stays open to the addresses from which its owner has signed in before: an attacker can lock nobody out.
 */
export class AddressLimiter {
  readonly #wrong: WrongCredentials

  constructor(clock: Clock) {
    this.#wrong = new WrongCredentials(clock, { free })
  }

  /** Makes an attempt, and learns how it ends: what throws, or is not `right`, was wrong. Throws `TOO_MANY_REQUESTS`. */
  async attempt<Result>(
    attempt: Attempt,
    act: () => Promise<Result>,
    { right = () => true }: { readonly right?: (result: Result) => boolean } = {},
  ): Promise<Result> {
    const wait = this.#wrong.wait(attempt)
    if (wait > 0) throw new ServerError('TOO_MANY_REQUESTS', { seconds: Math.ceil(wait / 1000) })
    const wasRight = this.#wrong.begin(attempt)
    const result = await act()
    if (right(result)) wasRight()
    return result
  }
}
