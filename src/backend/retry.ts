import { type Cancellable, type Clock, systemClock, UnderstudyError } from '#base'
import type {
  Backend,
  CallOptions,
  FileRef,
  FileType,
  ListedFile,
  ReadOptions,
  ThreadReading,
  WriteOptions,
} from './backend.ts'

export interface RetryOptions {
  /** Milliseconds after which a call that keeps failing is given up; 0: at once. Default: 15 minutes, as restic. */
  readonly limit?: number | undefined
  /**
   * The same as long as nothing has ever been answered: a wrong name or port is more likely then than a passing fault, and
   * nobody should wait a quarter of an hour to hear of it. Default: `limit`.
   */
  readonly limitAtFirst?: number | undefined
  /** Milliseconds of the first wait at most; each next may be twice as long, up to `longest`. */
  readonly first?: number | undefined
  readonly longest?: number | undefined
  readonly clock?: Clock | undefined
  /** What threads read by themselves is not retried there: it is asked for again here. */
  readonly threadReading?: ThreadReading | undefined
  /** From 0 up to 1. */
  readonly random?: (() => number) | undefined
  /** Told before each wait, so that people see why nothing moves. */
  readonly report?: ((retry: Retry) => void) | undefined
}

/** A failed call that will be made again. */
export interface Retry {
  readonly method: 'create' | 'list' | 'size' | 'read' | 'write' | 'delete'
  /** Which file, or which type of file for `list`. */
  readonly subject: string
  readonly error: UnderstudyError
  /** Milliseconds until the next try. */
  readonly delay: number
  /** 1 after the first failure. */
  readonly attempt: number
}

type Call = Pick<Retry, 'method' | 'subject'> & Cancellable

/**
 * Makes calls that failed for a passing reason again, at growing random intervals: many clients that were cut off
 * together must not come back together. Every call of a `Backend` can be repeated safely (promises 3 and 7).
 */
export class RetryBackend implements Backend {
  readonly location: string
  readonly connections: number
  readonly fast: boolean
  readonly threadReading: ThreadReading | undefined
  readonly #inner: Backend
  readonly #options: RetryTerms
  #hasAnswered = false

  constructor(inner: Backend, options: RetryOptions = {}) {
    this.#inner = inner
    this.location = inner.location
    this.connections = inner.connections
    this.fast = inner.fast
    this.threadReading = options.threadReading
    this.#options = {
      limit: options.limit ?? 15 * 60_000,
      limitAtFirst: options.limitAtFirst ?? options.limit ?? 15 * 60_000,
      first: options.first ?? 1000,
      longest: options.longest ?? 60_000,
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
      report: options.report ?? (() => undefined),
    }
  }

  create(options: Cancellable = {}): Promise<void> {
    return this.#retry({ method: 'create', subject: 'repository', ...options }, () => this.#inner.create(options))
  }

  /** A listing that breaks off is asked for again; what was handed out already is not handed out twice. */
  async *list(type: FileType, options: CallOptions = {}): AsyncIterable<ListedFile> {
    const attempts = this.#attempts({ method: 'list', subject: type, ...options })
    const given = new Set<string>()
    for (;;) {
      try {
        for await (const file of this.#inner.list(type, options)) {
          this.#hasAnswered = true
          if (given.has(file.name)) continue
          given.add(file.name)
          yield file
        }
        return
      } catch (thrown) {
        await attempts.waitAfter(thrown)
      }
    }
  }

  size(file: FileRef, options: Cancellable = {}): Promise<number | undefined> {
    return this.#retry({ method: 'size', subject: nameOf(file), ...options }, () => this.#inner.size(file, options))
  }

  read(file: FileRef, options: ReadOptions = {}): Promise<Buffer> {
    return this.#retry({ method: 'read', subject: nameOf(file), ...options }, () => this.#inner.read(file, options))
  }

  write(file: FileRef, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    return this.#retry({ method: 'write', subject: nameOf(file), ...options }, () =>
      this.#inner.write(file, bytes, options),
    )
  }

  delete(file: FileRef, options: Cancellable = {}): Promise<void> {
    return this.#retry({ method: 'delete', subject: nameOf(file), ...options }, () => this.#inner.delete(file, options))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
  }

  async #retry<T>(call: Call, work: () => Promise<T>): Promise<T> {
    const attempts = this.#attempts(call)
    for (;;) {
      call.signal?.throwIfAborted()
      try {
        const result = await work()
        this.#hasAnswered = true
        return result
      } catch (thrown) {
        await attempts.waitAfter(thrown)
      }
    }
  }

  #attempts(call: Call): Attempts {
    const { limit, limitAtFirst } = this.#options
    return new Attempts(call, { ...this.#options, limit: this.#hasAnswered ? limit : limitAtFirst })
  }
}

/** The tries of one call. */
class Attempts {
  readonly #call: Call
  readonly #options: RetryTerms
  readonly #start: number
  #failures = 0

  constructor(call: Call, options: RetryTerms) {
    this.#call = call
    this.#options = options
    this.#start = options.clock.monotonic()
  }

  /** Waits before the next try, or throws when there is none: the cause is lasting, the time is up, or we are cancelled. */
  async waitAfter(thrown: unknown): Promise<void> {
    const { signal, method, subject } = this.#call
    const { clock, limit, report } = this.#options
    signal?.throwIfAborted()
    if (!(thrown instanceof UnderstudyError) || !thrown.transient) throw thrown
    this.#failures++
    const delay = this.#delayAfter(thrown)
    const elapsed = clock.monotonic() - this.#start
    // Even a call that took longer than the limit gets a second try.
    if (delay >= limit || (this.#failures > 1 && elapsed + delay > limit)) throw thrown
    report({ method, subject, error: thrown, delay, attempt: this.#failures })
    await clock.sleep(delay, { signal })
  }

  /** Full jitter: anywhere between nothing and the doubled bound. A server that names a time is given that time. */
  #delayAfter(error: UnderstudyError): number {
    const { first, longest, random } = this.#options
    const bound = Math.min(longest, first * 2 ** Math.min(30, this.#failures - 1))
    const { retryAfter } = error.details
    return Math.round(random() * bound) + (typeof retryAfter === 'number' ? retryAfter : 0)
  }
}

type RetryTerms = Required<{
  [Key in keyof Omit<RetryOptions, 'threadReading'>]: NonNullable<RetryOptions[Key]>
}>

function nameOf({ type, name }: FileRef): string {
  return name === '' ? type : `${type} ${name}`
}
