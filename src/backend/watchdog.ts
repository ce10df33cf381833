import { type Cancellable, type Clock, systemClock } from '#base'
import { untilAborted } from './abort.ts'
import type { Backend, CallOptions, FileRef, FileType, ListedFile, ReadOptions, WriteOptions } from './backend.ts'
import { BackendError } from './errors.ts'

export interface WatchdogOptions {
  /** A call that makes no progress for so many seconds is ended. Default: 5 minutes. */
  readonly seconds?: number | undefined
  readonly clock?: Clock | undefined
}

/** So many bytes are progress. A line that lets through less in the whole time (437 B/s) is as good as dead. */
const progressBytes = 128 << 10

/** Milliseconds that an ended call has to tidy up (a temporary file, a connection) before it is left to itself. */
const tidyingTime = 1000

/**
 * Ends calls that hang (a half-open connection, a network share whose server is gone) with `STORAGE_STALLED`, even if
 * the call itself does not react, so that a retry can begin anew.
 */
export class WatchdogBackend implements Backend {
  readonly location: string
  readonly connections: number
  readonly fast: boolean
  readonly #inner: Backend
  readonly #seconds: number
  readonly #clock: Clock

  constructor(inner: Backend, { seconds = 300, clock = systemClock }: WatchdogOptions = {}) {
    this.#inner = inner
    this.location = inner.location
    this.connections = inner.connections
    this.fast = inner.fast
    this.#seconds = seconds
    this.#clock = clock
  }

  create(options: Cancellable = {}): Promise<void> {
    return this.#watch(options, (watched) => this.#inner.create(watched))
  }

  /** Only the storage is watched, not what the caller does between two files. */
  async *list(type: FileType, options: CallOptions = {}): AsyncIterable<ListedFile> {
    const controller = new AbortController()
    let files: AsyncIterator<ListedFile> | undefined
    let tick: Watched | undefined
    const progress = (bytes: number) => tick?.progress(bytes)
    const waited = () => tick?.waited()
    try {
      for (;;) {
        const next = await this.#watch(options, (watched) => {
          watched.signal.addEventListener('abort', () => controller.abort(watched.signal.reason), { once: true })
          tick = watched
          files ??= this.#inner.list(type, { signal: controller.signal, progress, waited })[Symbol.asyncIterator]()
          return files.next()
        })
        if (next.done) return
        yield next.value
      }
    } finally {
      controller.abort(new Error('the listing is no longer wanted'))
      files?.return?.().catch(() => undefined) // not waited for: it may hang
    }
  }

  size(file: FileRef, options: Cancellable = {}): Promise<number | undefined> {
    return this.#watch(options, (watched) => this.#inner.size(file, watched))
  }

  read(file: FileRef, options: ReadOptions = {}): Promise<Buffer> {
    return this.#watch(options, (watched) => this.#inner.read(file, { ...options, ...watched }))
  }

  write(file: FileRef, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    return this.#watch(options, (watched) => this.#inner.write(file, bytes, { ...options, ...watched }))
  }

  delete(file: FileRef, options: Cancellable = {}): Promise<void> {
    return this.#watch(options, (watched) => this.#inner.delete(file, watched))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
  }

  /** Runs `call` with a signal of ours that is aborted when the call stalls or the caller wants it to end. */
  async #watch<T>({ signal, progress, waited }: CallOptions, call: (watched: Watched) => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    const controller = new AbortController()
    const finished = new AbortController()
    const forward = () => controller.abort(signal?.reason)
    signal?.addEventListener('abort', forward, { once: true })
    const meter = new ProgressMeter(this.#clock)
    const onProgress = (bytes: number) => {
      meter.add(bytes)
      progress?.(bytes)
    }
    const onWaited = () => {
      meter.forgive()
      waited?.()
    }
    this.#abortOnStall(meter, controller, finished.signal)
    const work = call({ signal: controller.signal, progress: onProgress, waited: onWaited })
    try {
      return await untilAborted(work, controller.signal)
    } catch (thrown) {
      await settledWithin(work, tidyingTime)
      throw thrown
    } finally {
      finished.abort()
      signal?.removeEventListener('abort', forward)
    }
  }

  /** One timer for as long as all is well: it looks how long ago the last progress was and sleeps for the rest. */
  #abortOnStall(meter: ProgressMeter, controller: AbortController, finished: AbortSignal): void {
    const patience = this.#seconds * 1000
    const watch = async () => {
      for (;;) {
        const left = meter.last + patience - this.#clock.monotonic()
        if (left <= 0) break
        await this.#clock.sleep(left, { signal: finished })
      }
      const details = { location: this.location, seconds: this.#seconds, transient: true }
      controller.abort(new BackendError('STORAGE_STALLED', details))
    }
    watch().catch(() => undefined) // the call has ended
  }
}

type Watched = Required<{ [Key in keyof CallOptions]: NonNullable<CallOptions[Key]> }>

/** When enough bytes last moved. */
class ProgressMeter {
  last: number
  readonly #clock: Clock
  #bytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.last = clock.monotonic()
  }

  add(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < progressBytes) return
    this.#bytes = 0
    this.last = this.#clock.monotonic()
  }

  /** The time up to now was lost by our own wish. */
  forgive(): void {
    this.last = this.#clock.monotonic()
  }
}

async function settledWithin(work: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeUp = new Promise((resolve) => (timer = setTimeout(resolve, milliseconds)))
  await Promise.race([work, timeUp]).catch(() => undefined)
  clearTimeout(timer)
}
