import type { Cancellable } from '#base'
import type {
  Backend,
  CallOptions,
  FileRef,
  FileType,
  ListedFile,
  ReadOptions,
  ThreadReading,
  WriteOptions,
} from '#backend'

/** Throws when nothing may be deleted now. Asked before every single file. */
export type DeletionGuard = () => Promise<void>

/**
 * A repository in which each file is deleted only after a question, locks apart: what forbids it may come up while a long run
 * is under way. It does not own the backend below it.
 */
export class GuardedBackend implements Backend {
  readonly location: string
  readonly connections: number
  readonly fast: boolean
  readonly threadReading: ThreadReading | undefined
  readonly #inner: Backend
  readonly #mayDelete: DeletionGuard

  constructor(inner: Backend, mayDelete: DeletionGuard) {
    this.#inner = inner
    this.#mayDelete = mayDelete
    this.location = inner.location
    this.connections = inner.connections
    this.fast = inner.fast
    this.threadReading = inner.threadReading
  }

  create(options?: Cancellable): Promise<void> {
    return this.#inner.create(options)
  }

  list(type: FileType, options?: CallOptions): AsyncIterable<ListedFile> {
    return this.#inner.list(type, options)
  }

  size(file: FileRef, options?: Cancellable): Promise<number | undefined> {
    return this.#inner.size(file, options)
  }

  read(file: FileRef, options?: ReadOptions): Promise<Buffer> {
    return this.#inner.read(file, options)
  }

  write(file: FileRef, bytes: Uint8Array, options?: WriteOptions): Promise<void> {
    return this.#inner.write(file, bytes, options)
  }

  async delete(file: FileRef, options?: Cancellable): Promise<void> {
    if (file.type !== 'lock') await this.#mayDelete()
    await this.#inner.delete(file, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
