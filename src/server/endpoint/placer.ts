import { hasCode, programModule, ThreadPool } from '#base'
import type { Placing } from './place.ts'

/** How many wait for the disk at once: file systems join syncs that come together in one write of their journal. */
const threads = 6

/** Threads in which `placeFile` runs. They start with the first upload. */
export class Placer implements AsyncDisposable {
  #pool: ThreadPool | undefined

  /** See `placeFile`. `bytes` are handed over, and must be all of their memory. */
  async place(placing: Placing & { readonly bytes?: Uint8Array<ArrayBuffer> | undefined }): Promise<boolean> {
    const module = programModule('server/endpoint/place-thread')
    const pool = (this.#pool ??= new ThreadPool({ module, threads, data: undefined }))
    try {
      return await pool.run<boolean>('place', placing, { transfer: placing.bytes ? [placing.bytes.buffer] : [] })
    } catch (thrown) {
      // A pool that has lost a thread is of no use any more; the next upload gets another one.
      if (hasCode(thrown, 'THREAD_DIED') && this.#pool === pool) this.#pool = undefined
      throw thrown
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.[Symbol.asyncDispose]()
  }
}
