import type { Clock } from '#base'

/** A clock whose two faces a test sets apart. Sleeps take no time: both faces jump to their end. */
export class SettableClock implements Clock {
  wall: number
  steady = 1_000_000

  constructor(wall: number = Date.now()) {
    this.wall = wall
  }

  now(): number {
    return this.wall
  }

  monotonic(): number {
    return this.steady
  }

  /** Time passes. */
  pass(milliseconds: number): void {
    this.wall += milliseconds
    this.steady += milliseconds
  }

  /** The machine sleeps: only the wall clock goes on. */
  suspend(milliseconds: number): void {
    this.wall += milliseconds
  }

  async sleep(milliseconds: number, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    signal?.throwIfAborted()
    this.pass(milliseconds)
  }
}
