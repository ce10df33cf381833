import type { Cancellable } from '#base'
import {
  type Backend,
  BackendError,
  type CallOptions,
  type FileRef,
  type FileType,
  type ListedFile,
  type ReadOptions,
  type ThreadReading,
  type WriteOptions,
} from '#backend'

/** A file that was deleted and can still be put back. */
export interface SetAsideFile {
  readonly file: FileRef
  /** Bytes. */
  readonly size: number
  /** When, by the server's clock in UTC: `2026-07-31`. */
  readonly day: string
}

export interface Purged {
  readonly files: number
  readonly bytes: number
}

export interface PurgeOptions extends Cancellable {
  readonly mayDelete?: (() => Promise<void>) | undefined
}

/** Where the files of one repository go that the server's own prune and retention delete, until they are purged by age. */
export interface Quarantine {
  /** Sets a file aside, so that nobody sees it any more. An absent file is no error. */
  take(file: FileRef, options?: Cancellable): Promise<void>
  /** True for what still lies in its place in the storage, and must not be shown. */
  hides(file: FileRef): boolean
  /** The file was written again: it is to be seen. */
  reveal(file: FileRef): Promise<void>
  list(options?: Cancellable): AsyncIterable<SetAsideFile>
  /**
   * Puts files back in their places, packs first and snapshots last, so that whoever looks meanwhile finds no snapshot
   * without its packs. Where a file of that name lies again, that one stays.
   */
  putBack(files: readonly SetAsideFile[], options?: Cancellable): Promise<void>
  /**
   * Deletes for good what was set aside at least so many milliseconds ago, counted from the end of its day. `mayDelete` is asked
   * before every file, and ends it by throwing.
   */
  purge(olderThan: number, options?: PurgeOptions): Promise<Purged>
}

const day = 24 * 60 * 60 * 1000

/** The day that a time (milliseconds since 1970) lies in, in UTC. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

/** True when the day ended at least `olderThan` milliseconds before `now`. */
export function isOlder(setAside: string, { olderThan, now }: { readonly olderThan: number; readonly now: number }) {
  return Date.parse(setAside) + day + olderThan <= now
}

/** Nothing that is left names what has gone: a snapshot needs its index, an index its packs. */
const purgeOrder: readonly FileType[] = ['lock', 'snapshot', 'index', 'key', 'config', 'pack']

export function inPurgeOrder(files: readonly SetAsideFile[]): SetAsideFile[] {
  return files.toSorted((a, b) => purgeOrder.indexOf(a.file.type) - purgeOrder.indexOf(b.file.type))
}

/** A repository whose deleted files go to a quarantine, locks apart. It does not own the backend below it. */
export class SoftDeleteBackend implements Backend {
  readonly location: string
  readonly connections: number
  readonly fast: boolean
  readonly threadReading: ThreadReading | undefined
  readonly #inner: Backend
  readonly #quarantine: Quarantine

  constructor(inner: Backend, quarantine: Quarantine) {
    this.#inner = inner
    this.#quarantine = quarantine
    this.location = inner.location
    this.connections = inner.connections
    this.fast = inner.fast
    this.threadReading = inner.threadReading
  }

  create(options?: Cancellable): Promise<void> {
    return this.#inner.create(options)
  }

  async *list(type: FileType, options?: CallOptions): AsyncIterable<ListedFile> {
    for await (const listed of this.#inner.list(type, options)) {
      if (!this.#quarantine.hides({ type, name: listed.name })) yield listed
    }
  }

  async size(file: FileRef, options?: Cancellable): Promise<number | undefined> {
    const size = await this.#inner.size(file, options)
    return this.#quarantine.hides(file) ? undefined : size
  }

  async read(file: FileRef, options?: ReadOptions): Promise<Buffer> {
    options?.signal?.throwIfAborted()
    if (this.#quarantine.hides(file)) {
      throw new BackendError('FILE_NOT_FOUND', { type: file.type, name: file.name, location: this.location })
    }
    return this.#inner.read(file, options)
  }

  async write(file: FileRef, bytes: Uint8Array, options?: WriteOptions): Promise<void> {
    await this.#inner.write(file, bytes, options)
    await this.#quarantine.reveal(file)
  }

  async delete(file: FileRef, options?: Cancellable): Promise<void> {
    options?.signal?.throwIfAborted()
    if (file.type === 'lock') await this.#inner.delete(file, options)
    else await this.#quarantine.take(file, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
