import { type Cancellable, Semaphore } from '#base'
import { untilAborted } from './abort.ts'
import type { Backend, CallOptions, FileRef, FileType, ListedFile, ReadOptions, WriteOptions } from './backend.ts'

/**
 * Lets only so many calls through at once. Listings are not counted: whoever goes through one may read files meanwhile,
 * and would wait for itself. Neither are locks: they are tiny, and on a slow line a lock whose refresh waits for its turn
 * behind packs becomes stale.
 */
export class ConnectionsBackend implements Backend {
  readonly location: string
  readonly connections: number
  readonly fast: boolean
  readonly #inner: Backend
  readonly #places: Semaphore

  constructor(inner: Backend, connections: number = inner.connections) {
    this.#inner = inner
    this.location = inner.location
    this.connections = connections
    this.fast = inner.fast
    this.#places = new Semaphore(connections)
  }

  create(options: Cancellable = {}): Promise<void> {
    return this.#inPlace(options, () => this.#inner.create(options))
  }

  list(type: FileType, options: CallOptions = {}): AsyncIterable<ListedFile> {
    return this.#inner.list(type, options)
  }

  size(file: FileRef, options: Cancellable = {}): Promise<number | undefined> {
    return this.#inPlaceOf(file, options, () => this.#inner.size(file, options))
  }

  read(file: FileRef, options: ReadOptions = {}): Promise<Buffer> {
    return this.#inPlaceOf(file, options, () => this.#inner.read(file, options))
  }

  write(file: FileRef, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    return this.#inPlaceOf(file, options, () => this.#inner.write(file, bytes, options))
  }

  delete(file: FileRef, options: Cancellable = {}): Promise<void> {
    return this.#inPlaceOf(file, options, () => this.#inner.delete(file, options))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
  }

  #inPlaceOf<T>({ type }: FileRef, options: Cancellable, work: () => Promise<T>): Promise<T> {
    return type === 'lock' ? work() : this.#inPlace(options, work)
  }

  async #inPlace<T>({ signal }: Cancellable, work: () => Promise<T>): Promise<T> {
    using _place = await this.#enter(signal)
    return await work()
  }

  /** A place that comes when nobody waits for it any more goes to the next. */
  async #enter(signal: AbortSignal | undefined): Promise<Disposable> {
    const entering = this.#places.acquire()
    try {
      return await untilAborted(entering, signal)
    } catch (thrown) {
      entering.then((place) => place[Symbol.dispose]()).catch(() => undefined)
      throw thrown
    }
  }
}
