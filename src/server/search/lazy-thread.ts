import { Semaphore, ThreadError, ThreadPool } from '#base'
import type { Cancellable, Clock } from '#base'

/**
 * A thread that is started when there is something to do and ends, with all its memory, when there was nothing for a while.
 * One call at a time. A thread that died is replaced for the next call.
 */
export interface LazyThreadOptions {
  readonly module: URL
  readonly data: unknown
  readonly clock: Clock
  /** Milliseconds. */
  readonly idle: number
  readonly onMessage?: (message: unknown) => void
}

export class LazyThread implements AsyncDisposable {
  readonly #options: LazyThreadOptions
  readonly #turn = new Semaphore(1)
  #pool: ThreadPool | undefined
  #rest: AbortController | undefined
  #resting: Promise<void> = Promise.resolve()

  constructor(options: LazyThreadOptions) {
    this.#options = options
  }

  /** Whether there is a thread now. */
  get isRunning(): boolean {
    return this.#pool !== undefined
  }

  async run<Result>(call: string, args: unknown, { signal }: Cancellable = {}): Promise<Result> {
    using _ = await this.#turn.acquire()
    signal?.throwIfAborted()
    this.#rest?.abort()
    await this.#resting
    const { module, data, onMessage } = this.#options
    this.#pool ??= new ThreadPool({ module, data, threads: 1, ...(onMessage && { onMessage }) })
    try {
      return await this.#pool.run<Result>(call, args, { signal })
    } catch (thrown) {
      if (thrown instanceof ThreadError) await this.#end()
      signal?.throwIfAborted()
      throw thrown
    } finally {
      this.#resting = this.#endWhenIdle()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _ = await this.#turn.acquire()
    this.#rest?.abort()
    await this.#resting
    await this.#end()
  }

  async #endWhenIdle(): Promise<void> {
    const { clock, idle } = this.#options
    const rest = new AbortController()
    this.#rest = rest
    try {
      await clock.sleep(idle, { signal: rest.signal })
    } catch (thrown) {
      if (!rest.signal.aborted) throw thrown
      return
    }
    await this.#end()
  }

  async #end(): Promise<void> {
    const pool = this.#pool
    this.#pool = undefined
    await pool?.[Symbol.asyncDispose]()
  }
}
