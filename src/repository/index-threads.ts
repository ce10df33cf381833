import { availableParallelism } from 'node:os'
import { ThreadPool, programModule, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import type { IndexBatch } from './index-batch.ts'
import type { Repository } from './repository.ts'
import { allowsPlainFiles } from './sealed-file.ts'
import type { IndexThreadSetup, ReadIndexOrder } from './threads/index-thread.ts'

/** Fewer bytes of index files are read sooner than threads have started. */
const worthwhile = 16 << 20
/** The main thread has to keep up. */
const mostThreads = 4

/** Threads that open, verify and read index files; the main thread puts what they name into the index. */
export class IndexThreads implements AsyncDisposable {
  readonly #repository: Repository
  readonly #pool: ThreadPool

  private constructor(repository: Repository, threads: number) {
    const data: IndexThreadSetup = { codec: repository.settings, plainAllowed: allowsPlainFiles(repository.config) }
    this.#repository = repository
    this.#pool = new ThreadPool({ module: programModule('repository/threads/index-thread'), threads, data })
  }

  /** Undefined when `bytes`, of all index files, are too few for threads. `threads`: so many, or none, in any case. */
  static start(
    repository: Repository,
    bytes: number,
    { threads }: { readonly threads?: number | undefined },
  ): IndexThreads | undefined {
    const count = threads ?? (bytes < worthwhile ? 0 : Math.min(mostThreads, availableParallelism()))
    return count === 0 ? undefined : new IndexThreads(repository, count)
  }

  get threads(): number {
    return this.#pool.threads
  }

  /** What an index file names; undefined when it is for the main thread to read. */
  async read(name: string, { signal }: Cancellable = {}): Promise<IndexBatch | undefined> {
    const sealed = await this.#load(name, { signal })
    if (!sealed) return undefined
    const order: ReadIndexOrder = { name, sealed }
    return await this.#pool.run<IndexBatch | undefined>('readIndex', order, { signal, transfer: [sealed.buffer] })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]()
  }

  /** In memory of its own. */
  async #load(name: string, { signal }: Cancellable): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      const sealed = await this.#repository.backend.read({ type: 'index', name }, { signal })
      const { buffer } = sealed
      const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength === sealed.byteLength
      return isAlone ? new Uint8Array(buffer) : new Uint8Array(sealed)
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      return undefined // the main thread reads it again, and says what is wrong
    }
  }
}
