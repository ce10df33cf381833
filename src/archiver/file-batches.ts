import type { Cancellable } from '#base'
import type { ContentStore, FileOrder, FileOutcome } from '#repository'

/** A file's outcome, and what the caller wanted to know it for. */
export interface DoneFile<Target> {
  readonly target: Target
  readonly outcome: FileOutcome
}

/** A batch is sent when it has this many files or bytes: small files are not worth a message each. */
const mostFiles = 64
const mostBytes = 4 << 20
/** Batches under way for each thread: one that runs, one that waits in the thread, one in reserve. */
const batchesPerThread = 3

/** Collects files into batches, has them stored while the walk goes on, and hands the outcomes back as they come. */
export class FileBatches<Target> {
  readonly #store: ContentStore
  readonly #options: Cancellable
  /** Each with its last file, which is the large one if any is. */
  readonly #running = new Map<Promise<void>, Target>()
  #orders: FileOrder[] = []
  #targets: Target[] = []
  #bytes = 0
  #done: DoneFile<Target>[] = []
  #failure: Error | undefined

  constructor(store: ContentStore, options: Cancellable) {
    this.#store = store
    this.#options = options
  }

  /** Adds a file of about `bytes` bytes; waits while enough is under way. */
  async add(order: FileOrder, bytes: number, target: Target): Promise<void> {
    this.#orders.push(order)
    this.#targets.push(target)
    this.#bytes += bytes
    if (this.#orders.length < mostFiles && this.#bytes < mostBytes) return
    while (this.#running.size >= this.#store.threads * batchesPerThread) await Promise.race(this.#running.keys())
    this.#send()
  }

  /** What is being read: a file of each batch that a thread works on, in the order in which they were sent. */
  current(): Target[] {
    return [...this.#running.values()].slice(0, this.#store.threads)
  }

  /** Outcomes that have come in by now. Throws what failed for the run as a whole. */
  takeDone(): DoneFile<Target>[] {
    if (this.#failure) throw this.#failure
    if (this.#done.length === 0) return this.#done
    const done = this.#done
    this.#done = []
    return done
  }

  /** Sends what is left, and yields the outcomes until all have come in. */
  async *finish(): AsyncGenerator<DoneFile<Target>[]> {
    this.#send()
    while (this.#running.size > 0) {
      await Promise.race(this.#running.keys())
      yield this.takeDone()
    }
    yield this.takeDone()
  }

  #send(): void {
    if (this.#orders.length === 0) return
    const [orders, targets] = [this.#orders, this.#targets]
    this.#orders = []
    this.#targets = []
    this.#bytes = 0
    const batch = this.#storeBatch(orders, targets).finally(() => this.#running.delete(batch))
    this.#running.set(batch, targets[targets.length - 1] as Target)
  }

  async #storeBatch(orders: readonly FileOrder[], targets: readonly Target[]): Promise<void> {
    try {
      const outcomes = await this.#store.storeFiles(orders, this.#options)
      outcomes.forEach((outcome, i) => this.#done.push({ target: targets[i] as Target, outcome }))
    } catch (thrown) {
      this.#failure ??= thrown as Error
    }
  }
}
