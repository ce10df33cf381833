import { ThreadPool, programModule } from '#base'
import type { ExcludeOptions } from '#filesystem'

/** How much there is to back up, counted beside the backup so that it can say how long it will take. */

export interface ScanTotals {
  readonly files: number
  readonly folders: number
  readonly bytes: number
  readonly finished: boolean
}

/** Everything that the thread needs to see the same files as the backup. Plain values. */
export interface ScanOrder {
  readonly targets: readonly Uint8Array[]
  readonly excludes: ExcludeOptions
  readonly oneFileSystem: boolean
}

/** A backup that is done by then needs no estimate. */
const startDelay = 500

/** A scan in a thread of its own, because walking is what keeps the main thread busy. It never fails: it only stops. */
export class Scan implements AsyncDisposable {
  readonly #order: ScanOrder
  readonly #timer: NodeJS.Timeout
  readonly #onFinished: (seconds: number, totals: ScanTotals) => void
  #pool: ThreadPool | undefined
  #totals: ScanTotals = { files: 0, folders: 0, bytes: 0, finished: false }

  constructor(order: ScanOrder, onFinished: (seconds: number, totals: ScanTotals) => void = () => undefined) {
    this.#order = order
    this.#onFinished = onFinished
    this.#timer = setTimeout(() => this.#start(), startDelay)
    this.#timer.unref()
  }

  get totals(): ScanTotals {
    return this.#totals
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer)
    await this.#pool?.[Symbol.asyncDispose]()
  }

  #start(): void {
    const start = performance.now()
    this.#pool = new ThreadPool({
      module: programModule('cli/scan-thread'),
      threads: 1,
      data: undefined,
      onMessage: (totals) => {
        this.#totals = totals as ScanTotals
        if (this.#totals.finished) this.#onFinished((performance.now() - start) / 1000, this.#totals)
      },
    })
    this.#pool.run('scan', this.#order).catch(() => undefined)
  }
}
