import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, hasCode, systemClock } from '#base'
import type { Backend, ByteRange, FileRef, FileType, ListedFile } from '#backend'
import type { Spooled } from './arrival.ts'
import { ByteBudget } from './byte-budget.ts'
import { isRepositoryId } from './path.ts'
import { type Quarantine, SoftDeleteBackend } from './quarantine.ts'
import { SharedMemory } from './shared-memory.ts'
import { Spool } from './spool.ts'
import type { EndpointStorage, Incoming, OpenedFile, Upload } from './storage.ts'
import { TombstoneQuarantine } from './tombstone-quarantine.ts'
import type { Tombstones } from './tombstones.ts'

export interface BackendStorageOptions {
  /** The storage of one repository. Opened once, and disposed of with this. It must answer soon, or fail: a machine waits. */
  readonly open: (repository: string) => Backend
  /** A folder on a local disk, for uploads on their way and for what counts as deleted. */
  readonly folder: string
  /** Most bytes of uploads on the local disk; who comes then is told to try again. Default: 8 GiB. */
  readonly spoolBytes?: number | undefined
  /** Most bytes that are in memory on their way to the storage; others wait on the disk. Default: 256 MiB. */
  readonly memoryBytes?: number | undefined
  /** Bytes of the local disk that uploads leave free. Default: 256 MiB. */
  readonly keepFree?: number | undefined
  /** What counts as deleted in a repository. */
  readonly openTombstones: (repository: string) => Promise<Tombstones>
  readonly clock?: Clock | undefined
}

interface OpenRepository {
  readonly inner: Backend
  readonly backend: SoftDeleteBackend
  readonly quarantine: TombstoneQuarantine
  readonly tombstones: Tombstones
}

const gibibyte = 1024 ** 3

/**
 * Repositories behind backends, S3 for example. An upload lies on the local disk until it has arrived whole and hashes to its
 * name; only then it is handed on, so that the storage never sees half a file or a wrong one.
 */
export class BackendStorage implements EndpointStorage {
  readonly #options: BackendStorageOptions
  readonly #clock: Clock
  readonly #spool: Spool
  readonly #sending: ByteBudget
  readonly #memory = new SharedMemory({ total: 128 << 20, least: 256 << 10, most: 4 << 20 })
  readonly #repositories = new Map<string, Promise<OpenRepository>>()

  private constructor(spool: Spool, options: BackendStorageOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#spool = spool
    this.#sending = new ByteBudget(options.memoryBytes ?? 256 << 20)
  }

  /** Makes the folder where it is missing, and removes what a killed server has left of uploads. */
  static async open(options: BackendStorageOptions): Promise<BackendStorage> {
    const { folder, clock = systemClock, spoolBytes = 8 * gibibyte, keepFree = 256 << 20 } = options
    // Not synced: what a power cut takes from the spool has not been acknowledged.
    const incoming = join(folder, 'incoming')
    const spool = await Spool.open(incoming, { clock, mode: 0o600, most: spoolBytes, keepFree })
    return new BackendStorage(spool, options)
  }

  async create(repository: string): Promise<void> {
    const { backend } = await this.#repository(repository)
    await backend.create()
  }

  // A backup goes by the indexes that are listed: one that another node has set aside names packs that are about to go.
  async *list(repository: string, type: FileType): AsyncIterable<ListedFile> {
    // Locks are never set aside, and are listed all the time.
    const { backend } = type === 'lock' ? await this.#repository(repository) : await this.#current(repository)
    yield* backend.list(type)
  }

  async size(repository: string, file: FileRef): Promise<number | undefined> {
    const { backend } = await this.#withFile(repository, file)
    return backend.size(file)
  }

  async open(repository: string, file: FileRef): Promise<OpenedFile | undefined> {
    const { backend } = await this.#withFile(repository, file)
    const size = await backend.size(file)
    if (size === undefined) return undefined
    const pieces = (range: ByteRange) => this.#pieces(backend, file, range)
    return { size, pieces, [Symbol.asyncDispose]: async () => undefined }
  }

  async receive(upload: Upload): Promise<Incoming> {
    const spooled = await this.#spool.receive(upload)
    return {
      size: spooled.size,
      hash: spooled.hash,
      store: () => this.#store(upload, spooled),
      [Symbol.asyncDispose]: () => spooled[Symbol.asyncDispose](),
    }
  }

  /** What a backend shows is durable. */
  async confirm(): Promise<void> {}

  async delete(repository: string, file: FileRef): Promise<void> {
    const { backend } = await this.#repository(repository)
    await backend.delete(file)
  }

  async backend(repository: string): Promise<Backend> {
    return (await this.#current(repository)).backend
  }

  async quarantine(repository: string): Promise<Quarantine> {
    return (await this.#current(repository)).quarantine
  }

  /** What is set aside here may have been put back by another node. */
  async #withFile(repository: string, file: FileRef): Promise<OpenRepository> {
    const opened = await this.#repository(repository)
    if (opened.quarantine.hides(file)) await opened.tombstones.reloadOne(file)
    return opened
  }

  /** With what other nodes have set aside: nobody must count on what is about to go. */
  async #current(repository: string): Promise<OpenRepository> {
    const opened = await this.#repository(repository)
    await opened.tombstones.reload()
    return opened
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]()
    for (const opened of this.#repositories.values()) await (await opened).inner[Symbol.asyncDispose]()
  }

  #repository(repository: string): Promise<OpenRepository> {
    const known = this.#repositories.get(repository)
    if (known) return known
    const opening = this.#openRepository(repository)
    this.#repositories.set(repository, opening)
    opening.catch(() => this.#repositories.delete(repository))
    return opening
  }

  async #openRepository(repository: string): Promise<OpenRepository> {
    if (!isRepositoryId(repository)) throw new TypeError('not the id of a repository')
    const tombstones = await this.#options.openTombstones(repository)
    const inner = this.#options.open(repository)
    const quarantine = new TombstoneQuarantine(inner, { clock: this.#clock, tombstones })
    return { inner, quarantine, tombstones, backend: new SoftDeleteBackend(inner, quarantine) }
  }

  async *#pieces(backend: Backend, file: FileRef, { offset, length }: ByteRange): AsyncIterable<Buffer> {
    using _ = this.#memory.enter()
    for (let at = offset; at < offset + length;) {
      const piece = await backend.read(file, {
        range: { offset: at, length: Math.min(this.#memory.piece, offset + length - at) },
      })
      at += piece.length
      yield piece
    }
  }

  async #store({ repository, file }: Upload, { path, size, bytes: small }: Spooled): Promise<boolean> {
    const { backend, quarantine, tombstones } = await this.#repository(repository)
    // Sent again after it was set aside, by whatever node: it is wanted, and must not go when that is purged.
    await tombstones.reloadOne(file)
    using _ = await this.#sending.take(size)
    const bytes = small ?? (await readFile(path))
    try {
      await backend.write(file, bytes)
      return true
    } catch (thrown) {
      if (!hasCode(thrown, 'FILE_EXISTS')) throw thrown
      // What lies there is what was sent; but a config is not known by its name.
      if (file.type !== 'config') await quarantine.reveal(file)
      return false
    }
  }
}
