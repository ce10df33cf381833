import type { Cancellable } from '#base'
import type { Backend, CallOptions, FileRef, FileType, ListedFile, ReadOptions, WriteOptions } from '#backend'
import { CopyError } from './errors.ts'

export interface ProvenCounts {
  files: number
  /** Bytes that were read back. */
  bytes: number
}

/**
 * A backend that counts a file as written when the storage has given the same bytes back, past every cache. Whoever writes
 * through it names nothing in an index or snapshot that has not arrived whole. Locks say nothing of data and are taken as they
 * are.
 */
export class ProvenBackend implements Backend {
  readonly location: string
  readonly connections: number
  readonly fast: boolean
  readonly proven: ProvenCounts = { files: 0, bytes: 0 }
  readonly #inner: Backend
  readonly #beforeWrite: () => Promise<void>

  /** `beforeWrite` throws when the place is not what it was: a disk that was pulled out leaves a folder in its place. */
  constructor(inner: Backend, beforeWrite: () => Promise<void> = async () => undefined) {
    this.#inner = inner
    this.#beforeWrite = beforeWrite
    this.location = inner.location
    this.connections = inner.connections
    this.fast = inner.fast
  }

  async create(options?: Cancellable): Promise<void> {
    await this.#beforeWrite()
    await this.#inner.create(options)
  }

  list(type: FileType, options?: CallOptions): AsyncIterable<ListedFile> {
    return this.#inner.list(type, options)
  }

  async size(file: FileRef, options?: Cancellable): Promise<number | undefined> {
    return await this.#inner.size(file, options)
  }

  async read(file: FileRef, options?: ReadOptions): Promise<Buffer> {
    return await this.#inner.read(file, options)
  }

  async write(file: FileRef, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
    await this.#beforeWrite()
    await this.#inner.write(file, bytes, options)
    if (file.type === 'lock') return
    const stored = await this.#inner.read(file, { signal: options.signal, fresh: true })
    if (!stored.equals(bytes)) {
      const { type, name } = file
      throw new CopyError('COPY_NOT_AS_WRITTEN', { location: this.location, type, name: name.slice(0, 10) })
    }
    this.proven.files++
    this.proven.bytes += stored.length
  }

  async delete(file: FileRef, options?: Cancellable): Promise<void> {
    await this.#inner.delete(file, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
  }
}
