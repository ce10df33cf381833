import type { BlobCodec } from '../blob-codec.ts'
import type { SavedBlob } from '../packer.ts'
import {
  Stopped,
  changesSoFar,
  endLargeFile,
  largeFiles,
  longestWait,
  startLargeFile,
  throwIfStopped,
  waitForChange,
  wakeThreads,
  workIsWaiting,
} from './memory.ts'
import type { SharedControl } from './memory.ts'
import type { SharedPacker } from './shared-packer.ts'
import { ChunkQueue } from './shared-chunks.ts'
import type { SharedChunks } from './shared-chunks.ts'

export interface ChunkSaverParts {
  readonly codec: BlobCodec
  readonly packer: SharedPacker
  readonly control: SharedControl
  /** The queues of all threads. */
  readonly chunks: readonly SharedChunks[]
  /** This thread's number among them. */
  readonly thread: number
  /** Says that a large file is being stored, and threads with nothing to do may help. */
  readonly callForHelp: () => void
}

export interface AddedBytes {
  readonly blobs: number
  readonly bytes: number
  readonly storedBytes: number
}

/** Where the id of a chunk goes once it is known. */
type TakeId = (chunk: number, id: Uint8Array) => void

/**
 * Hashes and saves chunks, in this thread or, of a large file, in any that has nothing else to do. An error thrown here
 * is about the repository, never about the file.
 */
export class ChunkSaver {
  readonly added = { blobs: 0, bytes: 0, storedBytes: 0 }
  readonly #parts: ChunkSaverParts
  readonly #own: ChunkQueue
  readonly #others: readonly ChunkQueue[]
  readonly #id = Buffer.alloc(32)
  /** The chunk that lies in each place of our queue. */
  readonly #offered = new Map<number, number>()
  #isShared = false

  constructor(parts: ChunkSaverParts) {
    const queues = parts.chunks.map((chunks) => new ChunkQueue(chunks))
    this.#parts = parts
    this.#own = queues[parts.thread] as ChunkQueue
    this.#others = queues.filter((queue) => queue !== this.#own)
  }

  /** From now on chunks are offered to other threads too. Ends with `finish` or `abandon`. */
  share(): void {
    if (this.#isShared || this.#others.length === 0) return
    this.#isShared = true
    startLargeFile(this.#parts.control)
    this.#parts.callForHelp()
  }

  /** Saves chunk number `chunk` of the file; `takeId` is called for it now or later, at the latest in `finish`. */
  save(bytes: Buffer, chunk: number, takeId: TakeId): void {
    if (this.#isShared && this.#offer(bytes, chunk, takeId)) return
    this.#note(bytes.length, this.saveNow(bytes, this.#id))
    takeId(chunk, this.#id)
  }

  /** Saves a chunk in this thread, without counting it, and writes its id. */
  saveNow(bytes: Buffer, id: Uint8Array): SavedBlob {
    const { codec, packer, control } = this.#parts
    throwIfStopped(control)
    codec.primitives.hasher.sha256(bytes, id, 0)
    return packer.save('data', bytes, id, 0)
  }

  /** Counts what another thread has saved of our file. */
  count({ blobs, bytes, storedBytes }: AddedBytes): void {
    this.added.blobs += blobs
    this.added.bytes += bytes
    this.added.storedBytes += storedBytes
  }

  /** Waits until every chunk that was offered is saved; this thread takes back what nobody has taken yet. */
  finish(takeId: TakeId): void {
    while (this.#offered.size > 0) {
      const seen = changesSoFar(this.#parts.control)
      if (!this.#collect(takeId) && !this.#workOn(this.#own)) waitForChange(this.#parts.control, seen, longestWait)
      throwIfStopped(this.#parts.control)
    }
    this.#unshare()
  }

  /** The file could not be read to its end: what was offered is saved all the same, and counts for nothing. */
  abandon(): void {
    this.finish(() => undefined)
  }

  /** How many threads there are besides this one. */
  get others(): number {
    return this.#others.length
  }

  /**
   * Helps other threads with their large files, until there are none or other work is waiting: by `storePart`, while it finds a part to
   * store, else by taking chunks.
   */
  help(storePart: () => boolean): void {
    const { control } = this.#parts
    while (largeFiles(control) > 0 && !workIsWaiting(control)) {
      const seen = changesSoFar(control)
      const hasHelped = storePart() || this.#others.some((queue) => this.#workOn(queue))
      if (!hasHelped) waitForChange(control, seen, longestWait)
      throwIfStopped(control)
    }
  }

  #offer(bytes: Buffer, chunk: number, takeId: TakeId): boolean {
    this.#collect(takeId)
    const place = this.#own.offer(bytes)
    if (place < 0) return false
    this.#offered.set(place, chunk)
    wakeThreads(this.#parts.control)
    return true
  }

  #collect(takeId: TakeId): boolean {
    const chunks = this.#own.collect()
    // Whoever failed with it reports the reason.
    if (!chunks) throw new Stopped()
    for (const { place, id, bytes, saved } of chunks) {
      takeId(this.#offered.get(place) as number, id)
      this.#offered.delete(place)
      this.#note(bytes, saved)
    }
    return chunks.length > 0
  }

  #workOn(queue: ChunkQueue): boolean {
    const place = queue.take()
    if (place < 0) return false
    try {
      queue.finish(place, this.saveNow(queue.content(place), queue.id(place)))
    } catch (thrown) {
      queue.fail(place)
      throw thrown
    } finally {
      wakeThreads(this.#parts.control)
    }
    return true
  }

  #note(bytes: number, { known, stored }: SavedBlob): void {
    if (!known) this.count({ blobs: 1, bytes, storedBytes: stored })
  }

  #unshare(): void {
    if (!this.#isShared) return
    this.#isShared = false
    endLargeFile(this.#parts.control)
  }
}
