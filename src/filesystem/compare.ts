import { hash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

import type { CompareJob, Comparison } from '#restorer'

import type { TargetDisk } from './target-disk-types.ts'

/** A job as it crosses to a thread. Paths are latin1. */
export interface PlainJob {
  readonly folder: string
  readonly name: string
  readonly ids: Uint8Array
  readonly lengths: Uint32Array
}

export interface PlainComparison {
  readonly size: number | undefined
  readonly matches: Uint8Array
  readonly error?: string
}

/** Reads a file blob by blob and says which of them it holds. A file that cannot be read holds none. */
export function compareFile(disk: TargetDisk, job: PlainJob, scratch: Scratch): PlainComparison {
  const matches = new Uint8Array(job.lengths.length)
  try {
    const file = disk.open(disk.folder(job.folder), Buffer.from(job.name, 'latin1'), 'read')
    try {
      matchBlobs(disk, file, job, matches, scratch)
      return { size: disk.statFile(file).size, matches }
    } finally {
      disk.close(file)
    }
  } catch (error) {
    return { size: undefined, matches, error: error instanceof Error ? error.message : String(error) }
  }
}

function matchBlobs(disk: TargetDisk, file: number, job: PlainJob, matches: Uint8Array, scratch: Scratch): void {
  const ids = Buffer.from(job.ids.buffer, job.ids.byteOffset, job.ids.length)
  let offset = 0
  for (const [index, length] of job.lengths.entries()) {
    const bytes = scratch.take(length)
    if (disk.read(file, bytes, offset) < length) return
    const digest = hash('sha256', bytes, 'buffer')
    if (digest.equals(ids.subarray(index * 32, index * 32 + 32))) matches[index] = 1
    offset += length
  }
}

/** One buffer for all files: a new one for each blob would be zeroed and collected each time. */
export class Scratch {
  #bytes = Buffer.allocUnsafeSlow(1 << 20)

  take(length: number): Buffer {
    if (length > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(Math.max(length, this.#bytes.length * 2))
    return this.#bytes.subarray(0, length)
  }
}

/** Fewer blobs than this are compared at once, without starting threads for them. */
const fewBytes = 4 << 20

/** Threads that read and hash what a target holds already. They start when there is much to compare. */
export class ComparePool implements Disposable {
  readonly #root: string
  readonly #disk: () => TargetDisk
  readonly #scratch = new Scratch()
  #threads: CompareThread[] = []

  constructor(root: string, disk: () => TargetDisk) {
    this.#root = root
    this.#disk = disk
  }

  async compare(jobs: readonly CompareJob[], signal: AbortSignal | undefined): Promise<Comparison[]> {
    const plain = jobs.map(plainJob)
    const results = isLittle(jobs) ? plain.map((job) => this.#compareHere(job)) : await this.#share(plain, signal)
    return results.map(({ size, matches, error }) =>
      error === undefined ? { size, matches } : { size, matches, error: new Error(error) },
    )
  }

  #compareHere(job: PlainJob): PlainComparison {
    return compareFile(this.#disk(), job, this.#scratch)
  }

  /** Every thread takes the next few files when it is done with its last, so that one big file holds up no other. */
  async #share(jobs: readonly PlainJob[], signal: AbortSignal | undefined): Promise<PlainComparison[]> {
    const results: PlainComparison[] = Array.from({ length: jobs.length })
    const portions = portionsOf(jobs)
    await Promise.all(
      this.#start().map(async (thread) => {
        for (let portion = portions.shift(); portion; portion = portions.shift()) {
          signal?.throwIfAborted()
          const answers = await thread.run(jobs.slice(portion.start, portion.end))
          for (const [index, answer] of answers.entries()) results[portion.start + index] = answer
        }
      }),
    )
    return results
  }

  #start(): readonly CompareThread[] {
    const wanted = Math.min(4, availableParallelism())
    while (this.#threads.length < wanted) this.#threads.push(new CompareThread(this.#root))
    return this.#threads
  }

  [Symbol.dispose](): void {
    for (const thread of this.#threads) thread.stop()
    this.#threads = []
  }
}

function plainJob({ path, ids, lengths }: CompareJob): PlainJob {
  const whole = path.toString('latin1')
  const slash = whole.lastIndexOf('/')
  // A copy: a small `Buffer` is a piece of a pool, and a message would carry the whole pool.
  return { folder: whole.slice(0, Math.max(0, slash)), name: whole.slice(slash + 1), ids: new Uint8Array(ids), lengths }
}

function isLittle(jobs: readonly CompareJob[]): boolean {
  let bytes = 0
  for (const { lengths } of jobs) {
    for (const length of lengths) bytes += length
    bytes += 4096 // opening a file takes about as long as reading so much
    if (bytes > fewBytes) return false
  }
  return true
}

function portionsOf(jobs: readonly PlainJob[]): { start: number; end: number }[] {
  const portions: { start: number; end: number }[] = []
  let start = 0
  let blobs = 0
  for (const [index, job] of jobs.entries()) {
    blobs += job.lengths.length + 1
    if (blobs < 64 && index < jobs.length - 1) continue
    portions.push({ start, end: index + 1 })
    start = index + 1
    blobs = 0
  }
  return portions
}

interface Waiting {
  readonly resolve: (answers: PlainComparison[]) => void
  readonly reject: (error: Error) => void
}

class CompareThread {
  readonly #worker: Worker
  #waiting: Waiting | undefined

  constructor(root: string) {
    const url = new URL(`./compare-thread${extname(import.meta.url)}`, import.meta.url)
    this.#worker = new Worker(url, { workerData: { root }, execArgv: [] })
    this.#worker.unref()
    this.#worker.on('message', (answers: PlainComparison[]) => this.#settle()?.resolve(answers))
    this.#worker.on('error', (error: Error) => this.#settle()?.reject(error))
    this.#worker.on('exit', () => this.#settle()?.reject(new Error('the comparing thread has ended')))
  }

  run(jobs: readonly PlainJob[]): Promise<PlainComparison[]> {
    // Only while there is work does the thread keep the process running.
    this.#worker.ref()
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#worker.postMessage(jobs)
    })
  }

  #settle(): Waiting | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    this.#worker.unref()
    return waiting
  }

  /** The thread ends by itself: one that is terminated while it loads the FFI takes the whole process with it. */
  stop(): void {
    this.#worker.postMessage('end')
  }
}
