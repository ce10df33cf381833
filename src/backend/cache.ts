import { hash } from 'node:crypto'
import { type Cancellable, type Clock, systemClock } from '#base'
import { untilAborted } from './abort.ts'
import type { Backend, CallOptions, FileRef, FileType, ListedFile, ReadOptions, WriteOptions } from './backend.ts'
import { CacheFolder, type CachedType, defaultCacheFolder } from './cache-folder.ts'
import { sliceRange } from './range.ts'

export interface CacheOptions {
  /** From the repository's config: caches of different repositories never meet. */
  readonly repositoryId: string
  /** Default: `$XDG_CACHE_HOME/understudy`, or what takes its place on this system. */
  readonly folder?: string | undefined
  readonly clock?: Clock | undefined
  /** Told once when the cache cannot be used (a full disk, no rights). The work goes on without it. */
  readonly onProblem?: ((error: Error) => void) | undefined
}

/**
 * Keeps index and snapshot files, and packs of trees, on this machine, so that they cross the network once.
 *
 * What the storage says counts: files that it no longer lists are dropped here, and what lies here is checked against
 * its name before it is used. When the cache fails, the storage is asked as if there were none.
 */
export class CacheBackend implements Backend {
  readonly location: string
  readonly connections: number
  readonly fast: boolean
  readonly #inner: Backend
  readonly #clock: Clock
  readonly #onProblem: (error: Error) => void
  readonly #fetching = new Map<string, Promise<Buffer>>()
  #folder: CacheFolder | undefined

  private constructor(inner: Backend, { clock = systemClock, onProblem = () => undefined }: CacheOptions) {
    this.#inner = inner
    this.location = inner.location
    this.connections = inner.connections
    this.fast = inner.fast
    this.#clock = clock
    this.#onProblem = onProblem
  }

  static async open(inner: Backend, options: CacheOptions): Promise<CacheBackend> {
    const backend = new CacheBackend(inner, options)
    const { folder = defaultCacheFolder(), repositoryId } = options
    backend.#folder = await CacheFolder.open(folder, repositoryId, backend.#clock.now()).catch((thrown: Error) => {
      backend.#onProblem(thrown)
      return undefined
    })
    return backend
  }

  create(options: Cancellable = {}): Promise<void> {
    return this.#inner.create(options)
  }

  /** After a complete listing, what is cached but not listed is dropped. */
  async *list(type: FileType, options: CallOptions = {}): AsyncIterable<ListedFile> {
    if (!isCachedType(type)) return yield* this.#inner.list(type, options)
    const unlisted = await this.#try((folder) => folder.names(type, this.#clock.now()))
    for await (const file of this.#inner.list(type, options)) {
      unlisted?.delete(file.name)
      yield file
    }
    for (const name of unlisted ?? []) await this.#try((folder) => folder.remove({ type, name }))
  }

  async size(file: FileRef, options: Cancellable = {}): Promise<number | undefined> {
    const size = await this.#inner.size(file, options)
    if (size === undefined) await this.#drop(file)
    return size
  }

  async read(file: FileRef, options: ReadOptions = {}): Promise<Buffer> {
    options.signal?.throwIfAborted()
    if (!this.#folder || options.fresh || !isKept(file, options)) return this.#inner.read(file, options)
    const cached = await this.#try((folder) => folder.read(file, options.range))
    if (cached) {
      options.progress?.(cached.length)
      return cached
    }
    const whole = await this.#fetch(file, options)
    return sliceRange(whole, file, { range: options.range, location: this.location })
  }

  async write(file: FileRef, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    await this.#inner.write(file, bytes, options)
    if (isKept(file, options)) await this.#keep(file, bytes)
  }

  async delete(file: FileRef, options: Cancellable = {}): Promise<void> {
    await this.#inner.delete(file, options)
    await this.#drop(file)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
  }

  /** The whole file from the storage; callers that want parts of it at the same time share one download. */
  async #fetch(file: FileRef, options: ReadOptions): Promise<Buffer> {
    const key = `${file.type}/${file.name}`
    const running = this.#fetching.get(key)
    // The other caller may be cancelled, or fail in a way that is its own: then this one asks for itself.
    if (running) return untilAborted(running, options.signal).catch(() => this.#download(file, options))
    const fetching = this.#download(file, options).finally(() => this.#fetching.delete(key))
    this.#fetching.set(key, fetching)
    return fetching
  }

  async #download(file: FileRef, options: ReadOptions): Promise<Buffer> {
    const whole = await this.#inner.read(file, { ...options, range: undefined })
    await this.#keep(file, whole)
    return whole
  }

  /** What does not match its name is damaged in the storage: whoever reads it will find out, the cache has no part in it. */
  async #keep(file: FileRef, bytes: Uint8Array): Promise<void> {
    if (!this.#folder || hash('sha256', bytes, 'hex') !== file.name) return
    await this.#try((folder) => folder.save(file, bytes))
  }

  async #drop(file: FileRef): Promise<void> {
    if (isCachedType(file.type)) await this.#try((folder) => folder.remove(file))
  }

  /** A cache that fails once is not asked again in this run. */
  async #try<T>(work: (folder: CacheFolder) => Promise<T>): Promise<T | undefined> {
    if (!this.#folder) return undefined
    try {
      return await work(this.#folder)
    } catch (thrown) {
      this.#folder = undefined
      this.#onProblem(thrown as Error)
      return undefined
    }
  }
}

function isCachedType(type: FileType): type is CachedType {
  return type === 'snapshot' || type === 'index' || type === 'pack'
}

function isKept({ type }: FileRef, { cacheable = false }: { readonly cacheable?: boolean | undefined }): boolean {
  return type === 'snapshot' || type === 'index' || (type === 'pack' && cacheable)
}
