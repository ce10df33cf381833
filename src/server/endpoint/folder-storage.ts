import { constants } from 'node:fs'
import { type FileHandle, mkdir, open as openFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Clock, hasCode, systemClock } from '#base'
import {
  type Backend,
  BackendError,
  type ByteRange,
  fileError,
  type FileRef,
  type FileType,
  FolderSync,
  layoutPath,
  type ListedFile,
  LocalBackend,
  openBackend,
  syncLocalFolder,
  syncStored,
  systemFiles,
} from '#backend'
import type { Spooled } from './arrival.ts'
import { EndpointError } from './errors.ts'
import { FolderQuarantine } from './folder-quarantine.ts'
import { isRepositoryId } from './path.ts'
import { type Quarantine, SoftDeleteBackend } from './quarantine.ts'
import { Placer } from './placer.ts'
import { SharedMemory } from './shared-memory.ts'
import { Spool } from './spool.ts'
import type { EndpointStorage, Incoming, OpenedFile, Upload } from './storage.ts'

export interface FolderStorageOptions {
  readonly clock?: Clock | undefined
  /**
   * Bytes of the disk that uploads leave free, locks apart: for prune, which needs some, and for whatever of the server lies on
   * the same disk. Default: 256 MiB.
   */
  readonly keepFree?: number | undefined
}

/** No id of a repository begins with a dot. */
const incomingFolder = '.incoming'
const defaultKeepFree = 256 << 20
/** As restic sets it: read-only, so that nobody changes a file by mistake. */
const fileMode = 0o400
/** Never waits for somebody to write, should a fifo lie where a file belongs. */
const readFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/**
 * Repositories in a folder of this machine, `<root>/<repository id>` each, in restic's layout: the server's own work and stock
 * restic open them there directly. The root is one file system: uploads get their names by a link from `<root>/.incoming`.
 */
export class FolderStorage implements EndpointStorage {
  readonly #root: string
  readonly #clock: Clock
  readonly #folders: FolderSync
  readonly #spool: Spool
  readonly #placer = new Placer()
  readonly #memory = new SharedMemory({ total: 64 << 20, least: 64 << 10, most: 512 << 10 })
  readonly #backends = new Map<string, LocalBackend>()

  private constructor(root: string, spool: Spool, clock: Clock) {
    this.#root = root
    this.#clock = clock
    this.#folders = new FolderSync((folder) => syncLocalFolder(systemFiles, folder))
    this.#spool = spool
  }

  /** Makes the folder where it is missing, and removes what a killed server has left of uploads. */
  static async open(path: string, options: FolderStorageOptions = {}): Promise<FolderStorage> {
    const root = resolve(path)
    const { clock = systemClock, keepFree = defaultKeepFree } = options
    await mkdir(root, { recursive: true, mode: 0o700 })
    const incoming = join(root, incomingFolder)
    const spool = await Spool.open(incoming, { clock, mode: fileMode, keepFree })
    return new FolderStorage(root, spool, clock)
  }

  async create(repository: string): Promise<void> {
    await this.#backend(repository).create()
  }

  list(repository: string, type: FileType): AsyncIterable<ListedFile> {
    return this.#backend(repository).list(type)
  }

  size(repository: string, file: FileRef): Promise<number | undefined> {
    return this.#backend(repository).size(file)
  }

  async open(repository: string, file: FileRef): Promise<OpenedFile | undefined> {
    const path = join(this.#path(repository), ...layoutPath(file))
    return this.#translated(async () => {
      const handle = await openFile(path, readFlags).catch((thrown: unknown) => {
        if (hasCode(thrown, 'ENOENT')) return undefined
        throw thrown
      })
      return handle && this.#opened(handle, { path, file })
    })
  }

  async receive(upload: Upload): Promise<Incoming> {
    const spooled = await this.#spool.receive(upload)
    return {
      size: spooled.size,
      hash: spooled.hash,
      store: () => this.#translated(() => this.#store(upload, spooled)),
      [Symbol.asyncDispose]: () => spooled[Symbol.asyncDispose](),
    }
  }

  async confirm(repository: string, file: FileRef): Promise<void> {
    await this.#translated(async () => {
      const path = join(this.#path(repository), ...layoutPath(file))
      await syncStored(systemFiles, path)
      await this.#folders.sync(dirname(path))
    })
  }

  async delete(repository: string, file: FileRef): Promise<void> {
    await this.#backend(repository).delete(file)
  }

  async backend(repository: string): Promise<Backend> {
    const path = this.#path(repository)
    const backend = openBackend({ scheme: 'local', path, display: path })
    return new SoftDeleteBackend(backend, await this.quarantine(repository))
  }

  async quarantine(repository: string): Promise<Quarantine> {
    const options = { clock: this.#clock, folders: this.#folders }
    return new FolderQuarantine(this.#path(repository), options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]()
    await this.#placer[Symbol.asyncDispose]()
    for (const backend of this.#backends.values()) await backend[Symbol.asyncDispose]()
  }

  #path(repository: string): string {
    if (!isRepositoryId(repository)) throw new TypeError('not the id of a repository')
    return join(this.#root, repository)
  }

  #backend(repository: string): LocalBackend {
    const known = this.#backends.get(repository)
    if (known) return known
    const backend = new LocalBackend(this.#path(repository), { clock: this.#clock })
    this.#backends.set(repository, backend)
    return backend
  }

  async #opened(handle: FileHandle, { path, file }: { readonly path: string; readonly file: FileRef }) {
    const close = () => handle.close()
    try {
      const found = await handle.stat()
      const location = this.#root
      if (!found.isFile()) throw new BackendError('STORAGE_FAILED', { location, reason: `${path} is no file` })
      const pieces = (range: ByteRange) => this.#pieces(handle, { ...range, file })
      return { size: found.size, pieces, [Symbol.asyncDispose]: close }
    } catch (thrown) {
      await close()
      throw thrown
    }
  }

  async *#pieces(handle: FileHandle, { offset, length, file }: ByteRange & { readonly file: FileRef }) {
    using _ = this.#memory.enter()
    for (let at = offset; at < offset + length;) {
      const piece = Buffer.allocUnsafeSlow(Math.min(this.#memory.piece, offset + length - at))
      const { bytesRead } = await this.#translated(() => handle.read(piece, 0, piece.length, at))
      if (bytesRead === 0) throw new BackendError('FILE_TOO_SHORT', { ...file, location: this.#root })
      at += bytesRead
      yield piece.subarray(0, bytesRead)
    }
  }

  async #store({ repository, file }: Upload, spooled: Spooled): Promise<boolean> {
    const { path: temporary, bytes, handle } = spooled
    const target = join(this.#path(repository), ...layoutPath(file))
    const placing = { temporary, target, mode: fileMode, bytes, fd: handle?.fd }
    try {
      const isNew = await this.#placer.place(placing)
      spooled.isPlaced = true
      return isNew
    } catch (thrown) {
      if (!hasCode(thrown, 'ENOENT')) throw thrown
      throw await this.#explainMissing(repository, thrown)
    }
  }

  /** A repository that nobody has made, or whose disk is not mounted, is not made by an upload. A folder that it lost is. */
  async #explainMissing(repository: string, thrown: unknown): Promise<unknown> {
    const isThere = await stat(this.#path(repository)).then(
      (found) => found.isDirectory(),
      () => false,
    )
    if (!isThere) return new EndpointError('ENDPOINT_REPOSITORY_MISSING')
    await this.create(repository)
    return thrown // the next try finds it
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (thrown) {
      throw fileError(thrown, { location: this.#root })
    }
  }
}
