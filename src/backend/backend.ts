import type { Cancellable } from '#base'

/** The kinds of file in a repository, as restic's layout has them (restic: doc/design.rst, "Repository Layout"). */
export type FileType = 'config' | 'key' | 'lock' | 'snapshot' | 'index' | 'pack'

export const fileTypes = ['config', 'key', 'lock', 'snapshot', 'index', 'pack'] as const satisfies readonly FileType[]

/** One file of a repository. `name` is 64 lower-case hex digits, and empty for the one `config`. */
export interface FileRef {
  readonly type: FileType
  readonly name: string
}

export interface ListedFile {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Milliseconds since it was written, by the storage's own clock, where the storage tells. */
  readonly age?: number | undefined
}

export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/** Options of every call that moves bytes. */
export interface CallOptions extends Cancellable {
  /** Told as bytes move, so that a watchdog can tell a slow call from a dead one. Must be cheap. */
  readonly progress?: ((bytes: number) => void) | undefined
  /** Told when the call has waited because we want it to be slow (a limit): the storage is not to blame for that time. */
  readonly waited?: (() => void) | undefined
}

export interface ReadOptions extends CallOptions {
  /** Part of the file to read; the whole of it when absent. */
  readonly range?: ByteRange | undefined
  /** A hint: the file is a pack of trees, worth keeping whole in a local cache. Index and snapshot files always are. */
  readonly cacheable?: boolean | undefined
  /** From the storage itself: past our cache, and for a local disk past the system's, where that can be done. */
  readonly fresh?: boolean | undefined
}

export interface WriteOptions extends CallOptions {
  /** The same hint for a file that is written. */
  readonly cacheable?: boolean | undefined
}

/** A module that a worker thread loads to read files, synchronously (`CreateThreadReader`), and what it is made with. */
export interface ThreadReading {
  /** URL. */
  readonly module: string
  /** A plain value. */
  readonly options: unknown
}

/**
 * Where the bytes of a repository lie.
 *
 * What a backend promises, and what the conformance suite (`conformance.ts`) demands of each:
 *
 * 1. **Durable.** When `write` resolves, the file survives a power cut.
 * 2. **Atomic.** A file is absent or whole; a reader never sees a part, and neither does anybody after a crash.
 * 3. **Write-once.** `write` never changes a file that is there. The same bytes again succeed (a reply may have been
 *    lost); other bytes fail with `FILE_EXISTS`. `config` and keys are no exception.
 * 4. **Read after write.** A file that was written can be read and is listed at once.
 * 5. **Whole answers.** `read` gives exactly the bytes asked for or fails: a range beyond the end is `FILE_TOO_SHORT`,
 *    an absent file is `FILE_NOT_FOUND`.
 * 6. **Only names.** `list` yields only valid names of that type; temporary and foreign files are passed over.
 * 7. **Idempotent delete.** Deleting an absent file succeeds.
 * 8. **Classified.** Every failure is a `BackendError`; its `transient` says whether the same call may succeed later.
 * 9. **Cancellable.** An aborted `signal` ends the call soon, with the signal's reason.
 * 10. **Concurrent.** Calls may overlap freely; `connections` says how many at once make sense.
 */
export interface Backend extends AsyncDisposable {
  /** For messages: the location without secrets. */
  readonly location: string
  /** How many calls at once make sense here. */
  readonly connections: number
  /** True when reading is as fast as a local disk, so that a cache of it is useless. */
  readonly fast: boolean
  /**
   * How worker threads may read files by themselves, without a way through the main thread. Only where that is as good as
   * `read`; what goes wrong there is done again with `read`. A wrapper that changes what `read` gives must not pass it on.
   */
  readonly threadReading?: ThreadReading | undefined
  /** Makes what must be there before the first `write` (folders). Idempotent. */
  create(options?: Cancellable): Promise<void>
  /** Every file of a type, in no particular order. */
  list(type: FileType, options?: CallOptions): AsyncIterable<ListedFile>
  /** The file's size in bytes, or undefined when it is absent. */
  size(file: FileRef, options?: Cancellable): Promise<number | undefined>
  /** The whole file, or one range of it. The buffer has memory of its own, so it can be transferred to a thread. */
  read(file: FileRef, options?: ReadOptions): Promise<Buffer>
  /** `bytes` must not be changed or transferred until the call has ended. */
  write(file: FileRef, bytes: Uint8Array, options?: WriteOptions): Promise<void>
  delete(file: FileRef, options?: Cancellable): Promise<void>
}
