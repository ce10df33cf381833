import { hash } from 'node:crypto'

import type { Cancellable } from '#base'
import { hasCode, messageOf, Semaphore } from '#base'

import { RestorerError } from './errors.ts'
import type { FileWork, Need, PlannedOrder } from './orders.ts'
import { groupByPack, isAssigned, makeOrder, wholeFiles } from './orders.ts'
import { idAt } from './repository.ts'
import type { RestoreRepository } from './repository.ts'
import type { Target } from './target.ts'

/**
 * How much is sorted by pack together: more finds more neighbours, and takes more memory. Files come in about the order in
 * which they were stored, so a few packs' worth finds nearly all.
 */
const mostFiles = 2048
const mostBlobs = 8192
const mostBytes = 128 << 20

/** Orders under way: enough that reading, opening and writing overlap. Each holds up to a group's bytes. */
const ordersAtOnce = 6

export interface ContentsReport {
  restored(file: FileWork): void
  failed(file: FileWork, error: Error): void
  wrote(bytes: number): void
}

/** Restic's chunker cuts long runs of zeros into blobs of this size. */
const zeroBlobBytes = 512 << 10

/** Brings contents back, window by window. Nothing more is started once the target is full (`full`). */
export class Contents {
  full: Error | undefined
  readonly #repository: RestoreRepository
  readonly #target: Target
  readonly #report: ContentsReport
  readonly #signal: AbortSignal | undefined
  readonly #orders = new Semaphore(ordersAtOnce)
  readonly #windows = new Semaphore(2)
  readonly #running = new Set<Promise<void>>()
  readonly #zeroBlob: Buffer | undefined
  #needs: Need[] = []
  #files: FileWork[] = []
  #bytes = 0
  #broken: { readonly error: unknown } | undefined

  constructor(repository: RestoreRepository, target: Target, report: ContentsReport, { signal }: Cancellable) {
    this.#repository = repository
    this.#target = target
    this.#report = report
    this.#signal = signal
    this.#zeroBlob = target.sparse ? hash('sha256', Buffer.alloc(zeroBlobBytes), 'buffer') : undefined
  }

  /** Takes a file in. A big one goes through several windows. */
  async add(file: FileWork): Promise<void> {
    this.#files.push(file)
    while (!isAssigned(file)) {
      const index = file.assigned++
      this.#needs.push({ file, index, offset: file.assignedBytes })
      file.assignedBytes += file.lengths[index] as number
      this.#bytes += file.lengths[index] as number
      if (this.#bytes < mostBytes && this.#needs.length < mostBlobs) continue
      await this.#dispatch()
      if (!isAssigned(file)) this.#files.push(file)
    }
    if (this.#files.length >= mostFiles) await this.#dispatch()
  }

  /** Waits for everything that was added. Throws what ends the whole restore: the signal's reason, a lost storage. */
  async finish(): Promise<void> {
    await this.#dispatch()
    await Promise.all(this.#running)
    this.#throwIfBroken()
  }

  async #dispatch(): Promise<void> {
    const [needs, files] = [this.#needs, this.#files]
    // Counted before anything is awaited: an earlier window must not take a file for finished that goes on in this one.
    for (const file of files) file.outstanding++
    ;[this.#needs, this.#files, this.#bytes] = [[], [], 0]
    const place = await this.#windows.acquire()
    this.#throwIfBroken()
    const window = this.#runWindow(needs, files)
      .catch((error: unknown) => {
        this.#broken ??= { error }
      })
      .finally(() => {
        place[Symbol.dispose]()
        this.#running.delete(window)
      })
    this.#running.add(window)
  }

  /** Waits until nothing is under way, whatever came of it. */
  async drain(): Promise<void> {
    this.full ??= new Error('the restore has ended')
    await Promise.all(this.#running)
  }

  #throwIfBroken(): void {
    this.#signal?.throwIfAborted()
    if (this.#broken) throw this.#broken.error
  }

  async #runWindow(needs: readonly Need[], files: readonly FileWork[]): Promise<void> {
    if (this.full) return
    const wanted = await this.#beginAndFilter(needs)
    const groups = groupByPack(wanted, (id) => this.#repository.places(id)[0])
    const whole = wholeFiles(groups)
    await this.#begin(wanted.flatMap(({ file }) => (whole.has(file) ? [] : [file])))
    const orders = groups.map((group) =>
      makeOrder(group, whole, this.#target.writer, (file) =>
        this.#target.wholeRef(file.path, file.node, { replace: file.replaces }),
      ),
    )
    for (const { files: owners } of orders) for (const file of owners) file.outstanding++
    await allDone(orders.map((order) => this.#run(order, whole)))
    for (const file of files) {
      file.outstanding--
      await this.#settle(file, whole.has(file))
    }
  }

  /** Files of which a part is there are opened first: only then it is known whether that part can be kept. */
  async #beginAndFilter(needs: readonly Need[]): Promise<Need[]> {
    await this.#begin(needs.flatMap(({ file }) => (file.matches ? [file] : [])))
    return needs.filter((need) => !this.#isThere(need) && need.file.failure === undefined)
  }

  #isThere({ file, index }: Need): boolean {
    if (file.begun?.keepsContent) return file.matches?.[index] === 1
    if (!this.#zeroBlob || file.lengths[index] !== zeroBlobBytes || file.lengths.length === 1) return false
    if (!idAt(file.ids, index).equals(this.#zeroBlob)) return false
    file.hasHoles = true
    return true
  }

  async #begin(files: readonly FileWork[]): Promise<void> {
    for (const file of new Set(files)) {
      if (file.begun || file.failure) continue
      const { path, node, size, leftover, replaces } = file
      const patch = replaces && file.matches !== undefined
      try {
        file.begun = await this.#target.begin(path, node, {
          size,
          patch,
          replace: replaces,
          ...(leftover && { leftover }),
        })
      } catch (error) {
        this.#fail(file, error as Error)
      }
    }
  }

  async #run({ order, files }: PlannedOrder, whole: ReadonlyMap<FileWork, unknown>): Promise<void> {
    using _ = await this.#orders.acquire()
    if (this.full || order.writes.length === 0) return
    this.#throwIfBroken()
    const { failures, bytes } = await this.#repository.deliver(order, { signal: this.#signal })
    for (const { write, error } of failures) this.#fail(files[write] as FileWork, error)
    this.#report.wrote(bytes)
    for (const file of files) file.outstanding--
    for (const file of files) if (whole.has(file)) await this.#settle(file, true)
  }

  #fail(file: FileWork, error: Error): void {
    file.failure ??= error
    if (hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT')) this.full ??= error
  }

  /** Ends a file of which all has been answered. Files that a full disk stopped are left for the next run to go on with. */
  async #settle(file: FileWork, isWhole: boolean): Promise<void> {
    // A whole file is in one window and one order, so that its one answer ends it.
    if (!isWhole && (file.outstanding > 0 || !isAssigned(file))) return
    if (this.#settled.has(file)) return
    if (!file.failure && this.full) return
    this.#settled.add(file)
    if (!file.failure && !isWhole) await this.#finishParts(file)
    if (!file.failure) return this.#restored(file)
    if (hasCode(file.failure, 'ENOSPC') || hasCode(file.failure, 'EDQUOT')) return
    if (file.begun) await this.#target.abandon(file.begun)
    this.#report.failed(file, file.failure)
  }

  // Weakly: a file is forgotten when its last window is.
  readonly #settled = new WeakSet<FileWork>()

  async #finishParts(file: FileWork): Promise<void> {
    try {
      await this.#begin([file]) // all of it may have been holes, or there already
      if (file.begun) await this.#target.finish(file.begun, file.node)
    } catch (error) {
      this.#fail(file, error as Error)
    }
  }

  #restored(file: FileWork): void {
    this.#report.restored(file)
    if (BigInt(file.size) === file.node.size) return
    const details = { path: file.path, actual: file.size, stated: file.node.size }
    this.#report.failed(file, new RestorerError('CONTENT_SIZE', details))
  }
}

/** Waits for all, also after one has failed, so that nothing goes on behind the caller's back. */
async function allDone(works: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason
}

/** The error of one entry, in a sentence with its path. */
export function notRestored(path: Buffer, error: unknown): Error {
  if (error instanceof RestorerError) return error
  return new RestorerError('NOT_RESTORED', { path, reason: messageOf(error), cause: error })
}
