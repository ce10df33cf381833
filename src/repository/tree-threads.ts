import { availableParallelism } from 'node:os'
import { ThreadPool, programModule } from '#base'
import type { Cancellable } from '#base'
import type { BlobIndex } from './blob-index.ts'
import type { IndexedRepository } from './repository.ts'
import { readProvenTrees } from './threads/tree-prover.ts'
import type { ProveTreesOrder, ProvenTree, TreePurpose } from './threads/tree-prover.ts'
import type { TreeThreadSetup } from './threads/tree-thread.ts'
import type { TreeLoader } from './tree-loader.ts'

export interface TreeThreadsOptions {
  readonly purpose: TreePurpose
  /** None for 0. Default: as many as are worth it for the trees that there are. */
  readonly threads?: number | undefined
}

/** Bytes of trees, a second's work: fewer are gone through before threads have started. */
const worthwhile = 40 << 20
/** The main thread has to keep up. */
const mostThreads = 8
/** A job has so many trees at most, and about so many sealed bytes: a walk asks for more at once, so that all threads have one. */
const mostTrees = 32
const jobBytes = 64 << 10
/** Sealed bytes of trees that are loaded or with threads at one time: a folder with 100,000 entries has 3 MiB. */
const mostBytes = 4 << 20

interface TreeToProve {
  readonly entry: number
  readonly sealed: Buffer
  readonly resolve: (proven: ProvenTree | undefined) => void
  readonly reject: (reason: Error) => void
}

/** Threads that open, verify and go through trees, while nobody adds to the index. The main thread only reads them. */
export class TreeThreads implements AsyncDisposable {
  readonly #loader: TreeLoader
  readonly #index: BlobIndex
  readonly #purpose: TreePurpose
  readonly #pool: ThreadPool
  readonly #underWay = new Set<Promise<void>>()
  readonly #room = new ByteRoom(mostBytes)
  #waiting: TreeToProve[] = []
  #waitingBytes = 0
  #isFlushDue = false

  private constructor(
    { settings, index }: IndexedRepository,
    loader: TreeLoader,
    { purpose, threads }: { readonly purpose: TreePurpose; readonly threads: number },
  ) {
    this.#loader = loader
    this.#index = index
    this.#purpose = purpose
    const data: TreeThreadSetup = { codec: settings, index: index.shared }
    this.#pool = new ThreadPool({ module: programModule('repository/threads/tree-thread'), threads, data })
  }

  /** Undefined when there is too little for threads. */
  static start(
    repository: IndexedRepository,
    loader: TreeLoader,
    { purpose, threads }: TreeThreadsOptions,
  ): TreeThreads | undefined {
    const worth = loader.treeBytes < worthwhile ? 0 : Math.min(mostThreads, availableParallelism())
    const count = threads ?? worth
    if (count === 0) return undefined
    return new TreeThreads(repository, loader, { purpose, threads: count })
  }

  /**
   * What the tree of an entry needs; undefined when the main thread has to look at it. It may be asked for long before it
   * is awaited.
   */
  prove(entry: number, { signal }: Cancellable = {}): Promise<ProvenTree | undefined> {
    const proven = this.#prove(entry, { signal })
    const ended = proven.then(
      () => void this.#underWay.delete(ended),
      () => void this.#underWay.delete(ended),
    )
    this.#underWay.add(ended)
    return proven
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#underWay)
    await this.#pool[Symbol.asyncDispose]()
  }

  async #prove(entry: number, { signal }: Cancellable): Promise<ProvenTree | undefined> {
    using _ = await this.#room.take(this.#index.lengthOf(entry))
    const sealed = await this.#loader.loadSealed(entry, { signal })
    if (!sealed) return undefined
    const proven = await new Promise<ProvenTree | undefined>((resolve, reject) =>
      this.#add({ entry, sealed, resolve, reject }),
    )
    signal?.throwIfAborted()
    return proven
  }

  #add(tree: TreeToProve): void {
    this.#waiting.push(tree)
    this.#waitingBytes += tree.sealed.length
    if (this.#waiting.length >= mostTrees || this.#waitingBytes >= jobBytes) this.#flush()
    else if (!this.#isFlushDue) {
      // After everything that is come to without waiting for anything.
      this.#isFlushDue = true
      setImmediate(() => {
        this.#isFlushDue = false
        this.#flush()
      })
    }
  }

  #flush(): void {
    const trees = this.#waiting
    if (trees.length === 0) return
    ;[this.#waiting, this.#waitingBytes] = [[], 0]
    this.#run(trees).catch((thrown: unknown) => {
      for (const { reject } of trees) reject(thrown as Error)
    })
  }

  async #run(trees: readonly TreeToProve[]): Promise<void> {
    const sealed = Buffer.allocUnsafeSlow(this.#bytesOf(trees))
    let at = 0
    for (const tree of trees) at += tree.sealed.copy(sealed, at)
    const entries = Uint32Array.from(trees, ({ entry }) => entry)
    const order: ProveTreesOrder = { purpose: this.#purpose, entries, sealed }
    const proven = await this.#pool.run<Uint32Array>('proveTrees', order, { transfer: [sealed.buffer] })
    let next = 0
    for (const tree of readProvenTrees(proven)) trees[next++]?.resolve(tree)
  }

  #bytesOf(trees: readonly TreeToProve[]): number {
    return trees.reduce((sum, { sealed }) => sum + sealed.length, 0)
  }
}

/** Bytes that may be in use at one time; who asks for more waits, in the order of asking. More than all are given alone. */
class ByteRoom {
  readonly #most: number
  #used = 0
  readonly #waiting: { readonly bytes: number; readonly resolve: () => void }[] = []

  constructor(most: number) {
    this.#most = most
  }

  async take(bytes: number): Promise<Disposable> {
    if (this.#waiting.length === 0 && this.#fits(bytes)) this.#used += bytes
    else await new Promise<void>((resolve) => this.#waiting.push({ bytes, resolve }))
    return { [Symbol.dispose]: () => this.#giveBack(bytes) }
  }

  #giveBack(bytes: number): void {
    this.#used -= bytes
    for (let next = this.#waiting[0]; next && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#used += next.bytes
      this.#waiting.shift()
      next.resolve()
    }
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#most
  }
}
