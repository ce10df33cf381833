import { availableParallelism } from 'node:os'
import { hasCode, programModule, ThreadPool } from '#base'
import type { Part } from './write-upload.ts'

/** More would only take turns: they wait for nothing but the processor and the page cache. */
const threads = Math.min(4, availableParallelism())

interface Writer {
  /** Of one thread. */
  readonly pool: ThreadPool
  /** Uploads that it has. */
  uploads: number
}

/**
 * Threads that hash and write uploads while the main thread reads on from the connections. They start with the first upload
 * that is not small.
 */
export class Writers implements AsyncDisposable {
  #writers: Writer[] = []
  #lastUpload = 0

  /** Begins to write an upload to a file that is open. It stays with one thread, which has its hash. */
  begin(fd: number): PieceWriter {
    const writer = this.#leastBusy()
    writer.uploads++
    return new PieceWriter(writer.pool, {
      upload: ++this.#lastUpload,
      fd,
      ended: () => writer.uploads--,
      // A pool that has lost its thread is of no use any more; the next upload gets another one.
      died: () => (this.#writers = this.#writers.filter((one) => one !== writer)),
    })
  }

  #leastBusy(): Writer {
    const [least] = this.#writers.toSorted((a, b) => a.uploads - b.uploads)
    if (least && (least.uploads === 0 || this.#writers.length >= threads)) return least
    const module = programModule('server/endpoint/write-thread')
    const writer = { pool: new ThreadPool({ module, threads: 1, data: undefined }), uploads: 0 }
    this.#writers.push(writer)
    return writer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#writers.map(async ({ pool }) => await pool[Symbol.asyncDispose]()))
  }
}

interface Place {
  readonly upload: number
  readonly fd: number
  readonly ended: () => void
  readonly died: () => void
}

/** Writes the pieces of one upload one behind the other, while the next are gathered. */
export class PieceWriter implements AsyncDisposable {
  readonly #pool: ThreadPool
  readonly #place: Place
  #position = 0
  #writing: Promise<void> = Promise.resolve()
  #isOver = false

  constructor(pool: ThreadPool, place: Place) {
    this.#pool = pool
    this.#place = place
  }

  /**
   * Resolves when the pieces before are written; `written` is called when these are, or are given up. They are handed over: they
   * are empty afterwards.
   */
  async write(pieces: readonly Buffer[], written: () => void): Promise<void> {
    try {
      await this.#writing
    } catch (thrown) {
      written()
      throw thrown
    }
    const { upload, fd } = this.#place
    const part: Part = { upload, fd, pieces, position: this.#position }
    this.#position += pieces.reduce((sum, { length }) => sum + length, 0)
    this.#writing = this.#run<void>('write', part, pieces.flatMap(memoryOf)).finally(written)
    this.#writing.catch(() => undefined) // awaited before the next piece
  }

  /** The SHA-256 of all bytes, in hex, when everything is written. */
  async finish(): Promise<string> {
    await this.#writing
    return await this.#end()
  }

  /** The file may be closed afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing.catch(() => undefined)
    if (!this.#isOver) await this.#end().catch(() => undefined) // the thread is to forget the hash
  }

  async #end(): Promise<string> {
    this.#isOver = true
    this.#place.ended()
    return await this.#run<string>('end', this.#place.upload)
  }

  async #run<Result>(call: string, args: unknown, transfer: readonly ArrayBuffer[] = []): Promise<Result> {
    try {
      return await this.#pool.run<Result>(call, args, { transfer })
    } catch (thrown) {
      if (hasCode(thrown, 'THREAD_DIED')) this.#place.died()
      throw thrown
    }
  }
}

/** What can be handed to another thread without a copy: memory that holds nothing else. */
function memoryOf({ buffer, length }: Buffer): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === length ? [buffer] : []
}
