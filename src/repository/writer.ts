import { ThreadPool, fromPlainError, hasCode } from '#base'
import type { Cancellable, WarmThreads } from '#base'
import type { Backend } from '#backend'
import type { BlobType } from './delivery.ts'
import type { Tree } from './format/tree.ts'
import { checkPolynomial } from './format/polynomial.ts'
import { giveBack } from './give-back.ts'
import { IndexSaver } from './index-saver.ts'
import { PackUploader } from './pack-uploader.ts'
import { unpackSealedPack } from './pack-transfer.ts'
import type { PackMessage } from './pack-transfer.ts'
import { Packer, defaultPackSize, sealPack } from './packer.ts'
import type { SealedPack } from './packer.ts'
import type { IndexedRepository } from './repository.ts'
import {
  createControl,
  largeFiles,
  setWorkWaiting,
  stopThreads,
  totalBytesRead,
  wakeThreads,
} from './threads/memory.ts'
import type { SharedControl } from './threads/memory.ts'
import type { CopiedBlobs, CopyOrder } from './threads/blob-copier.ts'
import type { StoredBatch } from './threads/file-storer.ts'
import type { ModuleSpec, ThreadSetup } from './threads/setup.ts'
import { createSharedChunks } from './threads/shared-chunks.ts'
import { createSharedParts } from './threads/shared-parts.ts'
import { SharedPackTable, createSharedPacks } from './threads/shared-packs.ts'
import type { SharedPacks } from './threads/shared-packs.ts'
import { threadModule } from './threads/module.ts'
import { TreeLoader } from './tree-loader.ts'
import { verifyUsedBlobs } from './used-blobs.ts'
import type { AddedCounts, ContentStore, FileOrder, FileOutcome, ScanOrder } from './writing.ts'

export interface WriterOptions extends Cancellable {
  /** The module that reads files in the threads; without it no files can be stored. */
  readonly reader?: { readonly module: URL; readonly options: unknown }
  /** The module that compares folders in the threads; without it none can be scanned. */
  readonly scanner?: { readonly module: URL; readonly options: unknown } | undefined
  /** The repository that `copyBlobs` copies from. */
  readonly source?: IndexedRepository | undefined
  readonly threads: number
  /** As many, started before. */
  readonly warm?: WarmThreads | undefined
  /** Bytes of blobs after which a pack is complete. */
  readonly packSize?: number | undefined
  /** Nothing is written before (`HeldLock.settled`). */
  readonly ready?: Promise<void> | undefined
  /** Throws when the lock is gone (`HeldLock.ensure`). */
  readonly guard?: (() => Promise<void>) | undefined
  /** Nothing reaches the storage; everything else happens (`--dry-run`). */
  readonly discard?: boolean
}

/** A disk takes one pack after the other, at its own pace; a line is used well by several at once. */
function packsUnderWay({ fast }: Backend, threads: number): number {
  return Math.max(fast ? 1 : 2, Math.ceil(threads / 2))
}

/** Most packs built in the main thread that wait to be written. */
const ownPacksUnderWay = 2

/**
 * Stores content: files in worker threads, trees in the main thread; packs go to the storage as they are complete, and an
 * index follows for every 50,000 blobs, so that what has been stored survives whatever happens to this run.
 */
export class RepositoryWriter implements ContentStore, AsyncDisposable {
  readonly #repository: IndexedRepository
  readonly #pool: ThreadPool
  readonly #control: SharedControl
  readonly #packs: SharedPacks
  readonly #packTable: SharedPackTable
  readonly #uploader: PackUploader
  readonly #indexes: IndexSaver
  /** For what the main thread stores itself. */
  readonly #packers: { readonly data: Packer; readonly tree: Packer }
  #parents: TreeLoader | undefined
  readonly #readerOpen: Promise<unknown> | undefined
  readonly #scannerOpen: Promise<unknown> | undefined
  readonly #counts = {
    dataBlobs: 0,
    treeBlobs: 0,
    dataBytes: 0,
    treeBytes: 0,
    storedDataBytes: 0,
    storedTreeBytes: 0,
  }
  readonly #id = Buffer.allocUnsafeSlow(32)
  readonly #helping = new Set<Promise<void>>()
  #failure: Error | undefined

  constructor(repository: IndexedRepository, options: WriterOptions) {
    const { threads, packSize = defaultPackSize, signal, reader, scanner, discard = false, guard } = options
    checkPolynomial(repository.polynomial)
    this.#repository = repository
    this.#control = createControl(threads)
    this.#packs = createSharedPacks(packSize, packsUnderWay(repository.backend, threads))
    this.#packTable = new SharedPackTable(this.#packs)
    this.#pool = new ThreadPool({
      module: threadModule(),
      threads,
      data: this.#setup(threads, options.source),
      warm: options.warm,
      onMessage: (message) => this.#receive(message as PackMessage | LargeFileMessage),
    })
    this.#indexes = new IndexSaver(repository, { discard, guard })
    this.#uploader = new PackUploader({
      backend: discard ? discarding(repository.backend) : repository.backend,
      ready: options.ready,
      signal,
      onStored: (pack) => this.#indexes.add(pack),
      onFailure: (error) => this.#fail(error),
    })
    this.#packers = { data: this.#packer(packSize), tree: this.#packer(packSize) }
    signal?.addEventListener('abort', () => this.#fail(signal.reason as Error), { once: true })
    this.#readerOpen = reader && this.#pool.runInEach('openReader', moduleSpec(reader))
    this.#readerOpen?.catch(() => undefined) // reported by the first storeFiles
    this.#scannerOpen = scanner && this.#pool.runInEach('openScanner', moduleSpec(scanner))
    this.#scannerOpen?.catch(() => undefined) // reported by the first scanFolders
  }

  get added(): AddedCounts {
    return this.#counts
  }

  /** Bytes that the threads have read so far, for a display. */
  get bytesRead(): number {
    return totalBytesRead(this.#control)
  }

  get threads(): number {
    return this.#pool.threads
  }

  async storeFiles(files: readonly FileOrder[], { signal }: Cancellable = {}): Promise<FileOutcome[]> {
    await this.#readerOpen
    this.#check()
    setWorkWaiting(this.#control, this.#helping.size > 0)
    const batch = await this.#orFailure(this.#pool.run<StoredBatch>('storeFiles', files, { signal }))
    this.#sendHelp()
    this.#count('data', batch.added)
    return outcomes(batch)
  }

  async loadTree(id: Buffer, options: Cancellable = {}): Promise<Tree> {
    return await this.#treeLoader().loadById(id, options)
  }

  async saveTree(bytes: Buffer, options: Cancellable = {}): Promise<Buffer> {
    return await this.#save('tree', bytes, options)
  }

  /** Saves a data blob of any size in the main thread, unless it is known: for the few that threads cannot store. */
  async saveData(bytes: Buffer, options: Cancellable = {}): Promise<Buffer> {
    return await this.#save('data', bytes, options)
  }

  /** Stores blobs of the source in a worker thread; returns the entries whose blobs are damaged. */
  async copyBlobs(order: CopyOrder, { signal }: Cancellable = {}): Promise<readonly number[]> {
    this.#check()
    const transfer = [order.piece.bytes.buffer as ArrayBuffer]
    const { damaged, added } = await this.#orFailure(
      this.#pool.run<CopiedBlobs>('copyBlobs', order, { signal, transfer }),
    )
    this.#count('data', added)
    return damaged
  }

  useBlobs(content: Buffer): boolean {
    return this.#repository.index.useAll('data', content)
  }

  useTree(id: Buffer): boolean {
    return this.#repository.index.use('tree', id)
  }

  async scanFolders(orders: readonly ScanOrder[], { signal }: Cancellable = {}): Promise<unknown[]> {
    await this.#scannerOpen
    this.#check()
    const found = await this.#treeLoader().loadToScan(orders, { signal })
    const trees = found.filter((tree) => tree !== undefined)
    const transfer = trees.map(({ sealed }) => sealed.buffer as ArrayBuffer)
    const results = await this.#orFailure(this.#pool.run<unknown[]>('scanFolders', trees, { signal, transfer }))
    let next = 0
    return found.map((tree) => (tree ? results[next++] : undefined))
  }

  async flush({ signal }: Cancellable = {}): Promise<void> {
    this.#check()
    await Promise.all(this.#helping)
    this.#uploadOpenPacks()
    for (const packer of Object.values(this.#packers)) packer.flush()
    await this.#uploader.drain()
    signal?.throwIfAborted()
    await this.#indexes.flush({ signal })
    this.#check()
  }

  /**
   * To be called before a snapshot is saved: when indexes that this run counts on are gone from the storage (somebody
   * pruned, although we held a lock), makes sure that every blob of this run is still there. Throws `BLOBS_REMOVED`.
   */
  async verifyUsed({ signal }: Cancellable = {}): Promise<void> {
    await verifyUsedBlobs(this.#repository, this.#indexes.saved, { signal })
  }

  /** After a failure or Ctrl-C: names in an index what was stored durably, so that the next run need not store it again. */
  async salvage(): Promise<void> {
    await this.#uploader.drain().catch(() => undefined)
    await this.#indexes.flush()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    stopThreads(this.#control)
    await this.#pool[Symbol.asyncDispose]()
  }

  async #save(type: BlobType, bytes: Buffer, { signal }: Cancellable): Promise<Buffer> {
    this.#check()
    this.#repository.codec.primitives.hasher.sha256(bytes, this.#id, 0)
    const { known, stored } = this.#packers[type].save(type, bytes, this.#id, 0)
    const id = Buffer.from(this.#id)
    if (known) return id
    this.#count(type, { blobs: 1, bytes: bytes.length, storedBytes: stored })
    // Packs that threads fill wait in buffers of their own; these must not pile up behind a slow line either.
    await this.#uploader.drain(this.#packs.contents.length + ownPacksUnderWay)
    signal?.throwIfAborted()
    return id
  }

  #treeLoader(): TreeLoader {
    return (this.#parents ??= new TreeLoader(this.#repository))
  }

  #count(type: BlobType, { blobs, bytes, storedBytes }: CopiedBlobs['added']): void {
    const counts = this.#counts
    if (type === 'data') {
      counts.dataBlobs += blobs
      counts.dataBytes += bytes
      counts.storedDataBytes += storedBytes
    } else {
      counts.treeBlobs += blobs
      counts.treeBytes += bytes
      counts.storedTreeBytes += storedBytes
    }
  }

  #packer(packSize: number): Packer {
    return new Packer({
      codec: this.#repository.codec,
      index: this.#repository.index,
      packSize,
      buffers: { take: (bytes) => Buffer.from(new ArrayBuffer(bytes)) },
      emit: (pack) => this.#upload(pack, () => undefined),
    })
  }

  #receive(message: PackMessage | LargeFileMessage): void {
    if (message.kind === 'large') return this.#sendHelp()
    const pack = unpackSealedPack(message, this.#packs)
    this.#upload(pack, () => {
      // Two packs are filled at the same pace: with what the one before leaves there would always be three full ones.
      if (isCompressed(pack)) giveBack(pack.bytes)
      this.#packTable.release(message.buffer)
      wakeThreads(this.#control)
    })
  }

  // Threads with nothing to do take chunks from those that store a large file, until there is other work for them.
  #sendHelp(): void {
    if (largeFiles(this.#control) === 0) return
    setWorkWaiting(this.#control, false)
    for (;;) {
      const help = this.#pool.runIfIdle<void>('help', undefined)
      if (!help) return
      const helping = help
        .catch((thrown: unknown) => this.#fail(thrown as Error))
        .finally(() => this.#helping.delete(helping))
      this.#helping.add(helping)
    }
  }

  // No thread stores anything any more: what is still open is whatever it is.
  #uploadOpenPacks(): void {
    const { codec } = this.#repository
    for (const buffer of this.#packTable.takeOpen()) {
      const { bytes, length } = this.#packTable.content(buffer)
      const pack = sealPack(codec, bytes, length, this.#packTable.blobs(buffer))
      this.#upload(pack, () => this.#packTable.release(buffer))
    }
  }

  #upload(pack: SealedPack, release: () => void): void {
    if (this.#failure) return release()
    this.#uploader.add(pack, release)
  }

  #fail(error: Error): void {
    this.#failure ??= error
    stopThreads(this.#control)
  }

  #check(): void {
    if (this.#failure) throw this.#failure
  }

  // A thread that was stopped says only that: the reason is known here.
  async #orFailure<Result>(result: Promise<Result>): Promise<Result> {
    try {
      return await result
    } catch (thrown) {
      // A thread that was stopped knows no reason: another one does, or this one.
      if (hasCode(thrown, 'STOPPED')) await Promise.all(this.#helping)
      throw this.#failure ?? thrown
    }
  }

  #setup(threads: number, from: IndexedRepository | undefined): ThreadSetup {
    const { index, settings, polynomial } = this.#repository
    const storing = {
      packs: this.#packs,
      chunks: Array.from({ length: threads }, createSharedChunks),
      parts: Array.from({ length: threads }, () => createSharedParts(threads)),
    }
    const source = from && { index: from.index.shared, codec: from.settings }
    return { index: index.shared, control: this.#control, storing, source, codec: settings, polynomial }
  }
}

/** A thread has begun to store a large file. */
interface LargeFileMessage {
  readonly kind: 'large'
}

// What does not compress fills packs so fast that touching the memory anew would be a tenth of the time.
function isCompressed({ bytes, blobs }: SealedPack): boolean {
  return blobs.plainLengths.reduce((sum, length) => sum + length, 0) > 1.25 * bytes.length
}

function moduleSpec({ module, options }: { readonly module: URL; readonly options: unknown }): ModuleSpec {
  return { module: module.href, options }
}

function outcomes({ nodes, outcomes: files }: StoredBatch): FileOutcome[] {
  let at = 0
  return files.map(({ error, nodeLength, bytes, changed, problems }): FileOutcome => {
    if (error) return { kind: 'unreadable', error: fromPlainError(error) }
    const node = Buffer.from(nodes.buffer, nodes.byteOffset + at, nodeLength)
    at += nodeLength
    return { kind: 'stored', node, bytes, changed, problems: problems.map(fromPlainError) }
  })
}

/** A backend that takes everything and keeps nothing. */
function discarding(backend: Backend): Backend {
  return new Proxy(backend, {
    get: (target, property) => {
      if (property === 'write') return async () => undefined
      const value: unknown = Reflect.get(target, property)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
