import type { Clock } from '#base'

const least = 64 << 10
const most = 4 << 20
const first = 512 << 10

/** A piece that takes longer than this, in milliseconds, waits in a queue somewhere on the way. */
const tooLong = 1500
/** As long as pieces come through faster than this, more may be under way. */
const fast = 700

/**
 * How many bytes may be under way on one connection. Enough to fill a long fat line; but on a thin one no more than passes in
 * about two seconds, because whatever is asked next (the refresh of a lock, say) has to wait behind them. What is best is
 * found by how long each piece takes.
 */
export class FlightWindow {
  readonly #clock: Clock
  readonly #waiting: (() => void)[] = []
  #size = first
  #underWay = 0
  #lastChange: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#lastChange = clock.monotonic()
  }

  /** Most bytes under way, for tests. */
  get size(): number {
    return this.#size
  }

  /** Resolves when `bytes` may be sent or asked for; the result is to be disposed of when their answer is there. One piece may always go. */
  async enter(bytes: number): Promise<Disposable> {
    while (this.#underWay > 0 && this.#underWay + bytes > this.#size) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#underWay += bytes
    const began = this.#clock.monotonic()
    const wasFull = this.#underWay + bytes > this.#size
    return { [Symbol.dispose]: () => this.#leave(bytes, began, wasFull) }
  }

  #leave(bytes: number, began: number, wasFull: boolean): void {
    this.#underWay -= bytes
    const now = this.#clock.monotonic()
    if (now - began > tooLong) this.#shrink(began, now)
    else if (now - began < fast && wasFull) this.#size = Math.min(most, this.#size + bytes)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Once for all the pieces that were sent before the last change: they say nothing of what it brought. */
  #shrink(began: number, now: number): void {
    if (began < this.#lastChange) return
    this.#lastChange = now
    this.#size = Math.max(least, this.#size >> 1)
  }
}
