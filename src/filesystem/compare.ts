import { availableParallelism } from 'node:os'
import { ThreadPool, forEachConcurrent, programModule } from '#base'

import type { CompareJob, Comparison } from '#restorer'

import { comparisonsOf, FileComparer, plainJobs } from './compare-files.ts'
import type { PlainComparisons } from './compare-files.ts'
import type { TargetDisk } from './target-disk-types.ts'

/** Fewer blobs than this are compared at once, without starting threads for them. */
const fewBytes = 4 << 20

/** Threads that read and hash what a target holds already. They start when there is much to compare. */
export class ComparePool implements AsyncDisposable {
  readonly #root: string
  readonly #disk: () => TargetDisk
  #here: FileComparer | undefined
  #pool: ThreadPool | undefined

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
    const pool = this.#start()
    const compareSome = async ({ start, end }: Portion) => {
      const its = jobs.slice(start, end)
      const answers = await pool.run<PlainComparisons>('compare', plainJobs(its), { signal })
      for (const [index, answer] of comparisonsOf(its, answers).entries()) results[start + index] = answer
    }
    // Twice: the next portion lies in the thread already when it is done with one.
    await forEachConcurrent(portionsOf(jobs), compareSome, { concurrency: pool.threads * 2, signal })
    return results
  }

  #start(): ThreadPool {
    this.#pool ??= new ThreadPool({
      module: programModule('filesystem/compare-thread'),
      threads: Math.min(4, availableParallelism()),
      data: this.#root,
    })
    return this.#pool
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.runInEach('close', undefined).catch(() => undefined)
    await this.#pool?.[Symbol.asyncDispose]()
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

interface Portion {
  readonly start: number
  readonly end: number
}

function portionsOf(jobs: readonly CompareJob[]): Portion[] {
  const portions: Portion[] = []
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
