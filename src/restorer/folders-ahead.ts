import type { Cancellable } from '#base'

import type { RestoreRepository, RestoreTree } from './repository.ts'
import type { FolderToScan, ScannedFolder, Target } from './target.ts'

/** Trees that are loaded before they are needed; each may be large. */
const treesAhead = 8
/** Folders that threads have been asked to scan and have not answered: enough for many threads. */
const mostAsked = 128
/** Folders that are scanned, or are being scanned, before it is their turn: this bounds the memory. */
const mostScanned = 1024
/** Folders that are sent to a thread together. */
const batchSize = 16

/** A folder that is to be visited. */
export interface ExpectedFolder {
  readonly folder: number
  readonly tree: Buffer
  /** Where it lies in the target, if it is there and threads are to scan it. */
  readonly path?: Buffer | undefined
}

interface AheadOptions extends Cancellable {
  /** See `FolderToScan`. */
  readonly readsContents: boolean
}

interface Waiting extends ExpectedFolder {
  loading?: Promise<RestoreTree>
  scanning?: Promise<ScannedFolder | undefined>
}

/** A stack of folders to visit, deepest first; the next ones are being scanned, or their trees loaded, already. */
export class FoldersAhead {
  readonly #repository: RestoreRepository
  readonly #scanner: Target['scanner']
  readonly #options: AheadOptions
  readonly #stack: Waiting[] = []
  #current: Waiting | undefined
  #asked = 0
  #scanned = 0

  constructor(repository: RestoreRepository, scanner: Target['scanner'], options: AheadOptions) {
    this.#repository = repository
    this.#scanner = scanner
    this.#options = options
  }

  push({ folder, tree, path }: ExpectedFolder): void {
    this.#stack.push({ folder, tree: Buffer.from(tree), path: this.#scanner && path })
  }

  /** The next folder, or undefined when all have been. */
  next(): number | undefined {
    this.#current = this.#stack.pop()
    if (this.#current?.scanning) this.#scanned--
    else if (this.#current?.path) this.#scan([this.#current])
    this.#scanAhead()
    this.#loadAhead()
    return this.#current?.folder
  }

  /** What threads found in the folder that `next` gave; undefined when it has to be looked at. */
  async scanned(folder: number): Promise<ScannedFolder | undefined> {
    return await this.#expect(folder).scanning
  }

  /** The tree of the folder that `next` gave. */
  async load(folder: number): Promise<RestoreTree> {
    return await this.#load(this.#expect(folder))
  }

  #expect(folder: number): Waiting {
    if (this.#current?.folder !== folder) throw new Error('folders are asked for in the order of next()')
    return this.#current
  }

  #loadAhead(): void {
    const first = Math.max(0, this.#stack.length - treesAhead)
    for (const waiting of this.#stack.slice(first)) if (!waiting.path) void this.#load(waiting)
  }

  #load(waiting: Waiting): Promise<RestoreTree> {
    if (!waiting.loading) {
      waiting.loading = this.#repository.loadTree(waiting.tree, { signal: this.#options.signal })
      waiting.loading.catch(() => undefined) // awaited later, when it is the folder's turn
    }
    return waiting.loading
  }

  /** Those that come next are asked for first, whatever has been asked for before them. */
  #scanAhead(): void {
    let batch: Waiting[] = []
    for (let at = this.#stack.length - 1; at >= 0 && this.#scanner; at--) {
      if (this.#asked + batch.length >= mostAsked || this.#scanned + batch.length >= mostScanned) break
      const waiting = this.#stack[at] as Waiting
      if (!waiting.path || waiting.scanning) continue
      batch.push(waiting)
      if (batch.length < batchSize) continue
      this.#scanned += batch.length
      this.#scan(batch)
      batch = []
    }
    this.#scanned += batch.length
    this.#scan(batch)
  }

  #scan(batch: readonly Waiting[]): void {
    if (batch.length === 0 || !this.#scanner) return
    const { signal, readsContents } = this.#options
    const orders = batch.map(({ path, tree }) => {
      const folder: FolderToScan = { path: path?.toString('latin1') ?? '', readsContents }
      return { folder, tree }
    })
    const answers = this.#repository.scanFolders(orders, { scanner: this.#scanner, signal })
    this.#asked += batch.length
    this.#goOnAfter(answers, batch.length).catch(() => undefined) // whoever asks for one of the folders is told
    for (const [i, waiting] of batch.entries()) {
      waiting.scanning = answers.then((all) => all[i] as ScannedFolder | undefined)
      waiting.scanning.catch(() => undefined)
    }
  }

  async #goOnAfter(answers: Promise<unknown>, asked: number): Promise<void> {
    await answers
    this.#asked -= asked
    this.#scanAhead()
  }
}
