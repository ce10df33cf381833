import { type Cancellable, type Clock, systemClock } from '#base'

/** How fast bytes may go to the storage and come from it; what is absent is not bounded. */
export interface RateLimits {
  readonly upload?: RateLimit | undefined
  readonly download?: RateLimit | undefined
}

export interface TakeOptions extends Cancellable {
  /** See `CallOptions.waited`. */
  readonly waited?: (() => void) | undefined
}

/** Milliseconds of the rate that may be made up for: timers come late, and the line should not be idle for it. */
const credit = 100
/** Pieces in which bytes go: so small that the line is smooth, and that calls with little to say wait for little. */
const largestStride = 32 << 10
const smallestStride = 1 << 10
const strideMilliseconds = 100
/** Milliseconds; whoever waits longer says in between that it still does. */
const longestSleep = 10_000

/**
 * So many bytes a second, shared by all calls of the process. Each piece takes the next free span of the line's time, in the
 * order of asking, so that many calls share the line evenly.
 */
export class RateLimit {
  readonly #clock: Clock
  #bytesPerSecond: number
  /** When the line is free again. */
  #free = 0

  /** `Infinity` is no limit, for now. */
  constructor(bytesPerSecond: number, clock: Clock = systemClock) {
    this.#bytesPerSecond = checked(bytesPerSecond)
    this.#clock = clock
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond
  }

  /** Holds from now on; what waits already goes at its time. */
  set bytesPerSecond(bytesPerSecond: number) {
    this.#bytesPerSecond = checked(bytesPerSecond)
  }

  /** Bytes that should be taken at once, at most. */
  get stride(): number {
    const stride = Math.floor((this.#bytesPerSecond * strideMilliseconds) / 1000)
    return Math.min(largestStride, Math.max(smallestStride, stride))
  }

  /** Resolves when `bytes` may move. Time that was taken for a call that is aborted meanwhile is not given back. */
  async take(bytes: number, { signal, waited }: TakeOptions = {}): Promise<void> {
    const start = Math.max(this.#free, this.#clock.monotonic() - credit)
    this.#free = start + (bytes / this.bytesPerSecond) * 1000
    for (let left = start - this.#clock.monotonic(); left > 0; left = start - this.#clock.monotonic()) {
      await this.#clock.sleep(Math.min(left, longestSleep), { signal })
      waited?.()
    }
  }
}

function checked(bytesPerSecond: number): number {
  if (!(bytesPerSecond > 0)) throw new RangeError(`not a rate: ${bytesPerSecond}`)
  return bytesPerSecond
}

/** Lets `pieces` through as the rate allows: each waits after it has come, so that the sender is held back. */
export async function* limited(
  pieces: AsyncIterable<Buffer>,
  limit: RateLimit,
  options: TakeOptions,
): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      // The rate may be another by the next piece.
      const part = piece.subarray(at, at + limit.stride)
      at += part.length
      await limit.take(part.length, options)
      yield part
    }
  }
}
