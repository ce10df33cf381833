/** Milliseconds that an estimate looks back. */
const windowLength = 120_000
const bucketLength = 1_000
/** Fewer buckets than this say little: then older ones stay. */
const leastBuckets = 20

interface Bucket {
  readonly end: number
  bytes: number
}

/**
 * How fast the work goes now: bytes a second over the last two minutes, or over more when little has happened, so that
 * bursts of a slow line do not make the estimate jump. Times are milliseconds that only grow.
 */
export class RateEstimator {
  readonly #buckets: Bucket[] = []
  #start: number
  #bytes = 0

  constructor(now: number) {
    this.#start = now
  }

  record(now: number, bytes: number): void {
    if (bytes <= 0) return
    let last = this.#buckets.at(-1)
    if (!last || last.end <= now) {
      last = { end: now + bucketLength, bytes: 0 }
      this.#buckets.push(last)
    }
    last.bytes += bytes
    this.#bytes += bytes
    this.#trim(now)
  }

  /** Bytes a second; 0 when nothing is known yet. */
  rate(now: number): number {
    this.#trim(now)
    return now > this.#start ? (this.#bytes / (now - this.#start)) * 1000 : 0
  }

  /** Seconds that the rest takes at this rate; undefined when nobody can tell. */
  remaining(now: number, bytesLeft: number): number | undefined {
    const rate = this.rate(now)
    if (rate < slowest) return undefined
    return Math.max(0, bytesLeft) / rate
  }

  #trim(now: number): void {
    for (let first = this.#buckets[0]; first && this.#buckets.length > leastBuckets; first = this.#buckets[0]) {
      if (first.end > now - windowLength) return
      this.#start = first.end
      this.#bytes -= first.bytes
      this.#buckets.shift()
    }
  }
}

/** Slower than this is standing still: any estimate would be a guess. */
const slowest = 1024
