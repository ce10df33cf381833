import type { Clock } from '#base'

/** A clock whose sleeps take no time: it jumps to their end. What was slept is written down. */
export class JumpingClock implements Clock {
  readonly sleeps: number[] = []
  #now: number

  constructor(now: number = Date.UTC(2026, 0, 1)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  async sleep(milliseconds: number, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    signal?.throwIfAborted()
    this.sleeps.push(milliseconds)
    this.#now += milliseconds
  }
}
