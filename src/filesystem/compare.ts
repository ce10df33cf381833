import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { programModule } from '#base'

import type { CompareJob, Comparison } from '#restorer'

import { comparisonsOf, FileComparer, plainJobs } from './compare-files.ts'
import type { PlainComparisons, PlainJobs } from './compare-files.ts'
import type { TargetDisk } from './target-disk-types.ts'

/** Fewer blobs than this are compared at once, without starting threads for them. */
const fewBytes = 4 << 20

/** Threads that read and hash what a target holds already. They start when there is much to compare. */
export class ComparePool implements Disposable {
  readonly #root: string
  readonly #disk: () => TargetDisk
  #here: FileComparer | undefined
  #threads: CompareThread[] = []

  constructor(root: string, disk: () => TargetDisk) {
    this.#root = root
    this.#disk = disk
  }

  async compare(jobs: readonly CompareJob[], signal: AbortSignal | undefined): Promise<Comparison[]> {
    return isLittle(jobs) ? this.#compareHere(jobs) : await this.#share(jobs, signal)
  }

  #compareHere(jobs: readonly CompareJob[]): Comparison[] {
    this.#here ??= new FileComparer(this.#disk())
    return comparisonsOf(jobs, this.#here.compare(plainJobs(jobs)))
  }

  /** Every thread takes the next few files when it is done with its last, so that one big file holds up no other. */
  async #share(jobs: readonly CompareJob[], signal: AbortSignal | undefined): Promise<Comparison[]> {
    const results: Comparison[] = Array.from({ length: jobs.length })
    const portions = portionsOf(jobs)
    const serve = async (thread: CompareThread) => {
      for (let portion = portions.shift(); portion; portion = portions.shift()) {
        signal?.throwIfAborted()
        const its = jobs.slice(portion.start, portion.end)
        const answers = comparisonsOf(its, await thread.run(plainJobs(its)))
        for (const [index, answer] of answers.entries()) results[portion.start + index] = answer
      }
    }
    // Twice: the next portion lies in the thread already when it is done with one.
    await Promise.all(this.#start().flatMap((thread) => [serve(thread), serve(thread)]))
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

function isLittle(jobs: readonly CompareJob[]): boolean {
  let bytes = 0
  for (const { lengths } of jobs) {
    for (const length of lengths) bytes += length
    bytes += 4096 // opening a file takes about as long as reading so much
    if (bytes > fewBytes) return false
  }
  return true
}

function portionsOf(jobs: readonly CompareJob[]): { start: number; end: number }[] {
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
  readonly resolve: (answers: PlainComparisons) => void
  readonly reject: (error: Error) => void
}

class CompareThread {
  readonly #worker: Worker
  /** In the order in which they were asked. */
  readonly #waiting: Waiting[] = []

  constructor(root: string) {
    const url = programModule('filesystem/compare-thread')
    this.#worker = new Worker(url, {
      workerData: { root },
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 4 }, // what it makes lives for a moment
    })
    this.#worker.unref()
    this.#worker.on('message', (answers: PlainComparisons) => this.#settle()?.resolve(answers))
    this.#worker.on('error', (error: Error) => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(new Error('the comparing thread has ended')))
  }

  run(jobs: PlainJobs): Promise<PlainComparisons> {
    // Only while there is work does the thread keep the process running.
    this.#worker.ref()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#worker.postMessage(jobs)
    })
  }

  #settle(): Waiting | undefined {
    const waiting = this.#waiting.shift()
    if (this.#waiting.length === 0) this.#worker.unref()
    return waiting
  }

  #fail(error: Error): void {
    for (let waiting = this.#settle(); waiting; waiting = this.#settle()) waiting.reject(error)
  }

  /** The thread ends by itself: one that is terminated while it loads the FFI takes the whole process with it. */
  stop(): void {
    this.#worker.postMessage('end')
  }
}
