import type { Clock } from '#base'

/** Calls `expire` after so many milliseconds, not counting those in which it was paused. */
export class TimeLimit implements Disposable {
  readonly #clock: Clock
  readonly #expire: () => void
  #left: number
  #startedAt = 0
  #running: AbortController | undefined

  constructor(milliseconds: number, expire: () => void, { clock }: { readonly clock: Clock }) {
    this.#left = milliseconds
    this.#expire = expire
    this.#clock = clock
    this.resume()
  }

  pause(): void {
    if (!this.#running) return
    this.#left -= this.#clock.monotonic() - this.#startedAt
    this.#running.abort()
    this.#running = undefined
  }

  resume(): void {
    this.pause()
    const running = new AbortController()
    this.#running = running
    this.#startedAt = this.#clock.monotonic()
    void this.#expireAfter(Math.max(0, this.#left), running)
  }

  async #expireAfter(milliseconds: number, running: AbortController): Promise<void> {
    await this.#clock.sleep(milliseconds, { signal: running.signal }).catch(() => undefined)
    if (this.#running === running) this.#expire()
  }

  [Symbol.dispose](): void {
    this.pause()
  }
}
