import type { Clock } from '#base'
import { ServerError } from '../errors.ts'

/**
 * How often one person or machine may do what takes data or keys out, within an hour: far above what work needs, also on the
 * day when everything is restored, and far below what somebody with a stolen session would like.
 */
export const rates = {
  /** Contents looked at. */
  content: 600,
  /** Files and folders taken away. */
  download: 300,
  /** Restores and replacements ordered. */
  restore: 1_000,
  /** The passwords of all repositories of a client, at once. */
  keys: 30,
  /** Passwords of single repositories, and ways into them. */
  handing: 500,
} as const

export type RateName = keyof typeof rates

const hour = 3_600_000

/** Counts what callers do, each kind for itself. There are no more entries than people and machines, times kinds. */
export class Rates {
  readonly #clock: Clock
  readonly #counts = new Map<string, { count: number; readonly until: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts once more. Throws `RATE_EXCEEDED`, after having told who wants to know it, once in an hour. */
  async take(name: RateName, who: string, onFirstRefusal: () => Promise<void>): Promise<void> {
    const now = this.#clock.monotonic()
    const key = `${name} ${who}`
    const known = this.#counts.get(key)
    const current = known && known.until > now ? known : { count: 0, until: now + hour }
    this.#counts.set(key, current)
    current.count++
    const over = current.count - rates[name]
    if (over <= 0) return
    if (over === 1) await onFirstRefusal()
    throw new ServerError('RATE_EXCEEDED', { most: rates[name], seconds: Math.ceil((current.until - now) / 1000) })
  }
}
