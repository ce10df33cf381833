import type { ByteRange } from '#backend'
import { ThreadPool, fromPlainError, messageOf, throwIfBug } from '#base'
import type { Cancellable, WarmThreads } from '#base'
import type {
  BlobPlace,
  ContentDelivery,
  DeliveryOrder,
  DeliveryResult,
  DeliveryWrite,
  ScanOptions,
} from './delivery.ts'
import { loadBlob } from './load-blob.ts'
import type { Tree } from './format/tree.ts'
import type { IndexedRepository } from './repository.ts'
import { placeFields } from './threads/blob-deliverer.ts'
import type { DeliveredBlobs, PackDelivered, PackDelivery } from './threads/blob-deliverer.ts'
import { TreeLoader } from './tree-loader.ts'
import { createControl, stopThreads } from './threads/memory.ts'
import type { SharedControl } from './threads/memory.ts'
import { threadModule } from './threads/module.ts'
import type { ScanOrder } from './writing.ts'
import type { ModuleSpec, ThreadSetup } from './threads/setup.ts'

/** Blobs that lie this close together are read in one go: asking again costs more than the bytes between. */
const largestGap = 64 << 10

export interface RepositoryReaderOptions {
  readonly threads: number
  /** As many, started before (`warmThreads`). */
  readonly warm?: WarmThreads | undefined
}

/**
 * Brings contents back: worker threads open and write blobs. They read packs themselves where the storage allows it;
 * elsewhere the main thread does.
 */
export class RepositoryReader implements ContentDelivery, AsyncDisposable {
  readonly #repository: IndexedRepository
  readonly #pool: ThreadPool
  readonly #control: SharedControl
  #trees: TreeLoader | undefined
  #writer: { readonly of: DeliveryOrder['writer']; readonly open: Promise<unknown> } | undefined
  #scanner: { readonly of: ScanOptions['scanner']; readonly open: Promise<unknown> } | undefined

  constructor(repository: IndexedRepository, { threads, warm }: RepositoryReaderOptions) {
    const { index, settings, polynomial } = repository
    this.#repository = repository
    this.#control = createControl(threads)
    const data: ThreadSetup = {
      index: index.shared,
      control: this.#control,
      codec: settings,
      reading: repository.backend.threadReading,
      polynomial,
    }
    this.#pool = new ThreadPool({ module: threadModule(), threads, data, warm })
  }

  get threads(): number {
    return this.#pool.threads
  }

  async loadTree(id: Buffer, options: Cancellable = {}): Promise<Tree> {
    return await this.#treeLoader().loadById(id, options)
  }

  #treeLoader(): TreeLoader {
    return (this.#trees ??= new TreeLoader(this.#repository))
  }

  places(id: Buffer): readonly BlobPlace[] {
    const { index } = this.#repository
    return index.findAll('data', id).map((entry) => index.placeOf(entry))
  }

  async deliver(order: DeliveryOrder, { signal }: Cancellable = {}): Promise<DeliveryResult> {
    await this.#openWriter(order.writer)
    const runs = runsOf(order)
    const stretches = runs.map(({ start, end }) => ({ offset: start, length: end - start }))
    const delivery: PackDelivery = { pack: order.pack, blobs: columnsOf(order, runs), stretches, writes: order.writes }
    const delivered =
      (await this.#deliverFromThread(delivery, { signal })) ?? (await this.#deliverFromHere(delivery, { signal }))
    if (delivered.damaged.length === 0) return result(delivered)
    return await this.#deliverAgain(order, delivered, { signal })
  }

  async scanFolders(orders: readonly ScanOrder[], { scanner, signal }: ScanOptions): Promise<unknown[]> {
    await this.#openScanner(scanner)
    const found = await this.#treeLoader().loadToScan(orders, { signal })
    const trees = found.filter((tree) => tree !== undefined)
    const transfer = trees.map(({ sealed }) => sealed.buffer as ArrayBuffer)
    const results = await this.#pool.run<unknown[]>('scanFolders', trees, { signal, transfer })
    let next = 0
    return found.map((tree) => (tree ? results[next++] : undefined))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    stopThreads(this.#control)
    if (this.#scanner) await this.#pool.runInEach('closeScanner', undefined).catch(() => undefined)
    if (this.#writer) await this.#pool.runInEach('closeWriter', undefined).catch(() => undefined)
    await this.#pool[Symbol.asyncDispose]()
  }

  // Threads load the writer module once; a restore uses one writer from beginning to end.
  async #openWriter(writer: DeliveryOrder['writer']): Promise<void> {
    if (this.#writer?.of !== writer) {
      const spec: ModuleSpec = { module: writer.module.href, options: writer.options }
      this.#writer = { of: writer, open: this.#pool.runInEach('openWriter', spec) }
    }
    await this.#writer.open
  }

  async #openScanner(scanner: ScanOptions['scanner']): Promise<void> {
    if (this.#scanner?.of !== scanner) {
      const spec: ModuleSpec = { module: scanner.module.href, options: scanner.options }
      this.#scanner = { of: scanner, open: this.#pool.runInEach('openScanner', spec) }
    }
    await this.#scanner.open
  }

  async #deliverFromThread(delivery: PackDelivery, { signal }: Cancellable): Promise<PackDelivered | undefined> {
    if (!this.#repository.backend.threadReading) return undefined
    return await this.#pool.run<PackDelivered | undefined>('deliver', delivery, { signal })
  }

  async #deliverFromHere(delivery: PackDelivery, { signal }: Cancellable): Promise<PackDelivered> {
    const pieces: Buffer[] = []
    for (const range of delivery.stretches) pieces.push(await this.#read(delivery.pack, range, { signal }))
    // The bytes move to the thread without being copied.
    const transfer = pieces.map(({ buffer }) => buffer as ArrayBuffer)
    return await this.#pool.run<PackDelivered>('deliver', { ...delivery, pieces }, { signal, transfer })
  }

  /** A stretch that cannot be read is empty, which no seal opens: its blobs are then loaded one by one, with all care. */
  async #read(pack: string, range: ByteRange, { signal }: Cancellable): Promise<Buffer> {
    try {
      return await this.#repository.backend.read({ type: 'pack', name: pack }, { range, signal })
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      return Buffer.from(new ArrayBuffer(0))
    }
  }

  // Damaged, or not to be had: each such blob is looked for once more, in this pack and in others.
  async #deliverAgain(order: DeliveryOrder, first: PackDelivered, options: Cancellable): Promise<DeliveryResult> {
    const damaged = new Set(first.damaged.map(({ blob }) => blob))
    const failures: { write: number; error: Error }[] = []
    let { bytes } = first
    for (const { write, error } of first.failures) {
      const needed = blobsOf(order.writes[write] as DeliveryWrite)
      if (!needed.some((blob) => damaged.has(blob))) {
        failures.push({ write, error: fromPlainError(error) })
        continue
      }
      const again = await this.#deliverOne(order, write, needed, options)
      if (again instanceof Error) failures.push({ write, error: again })
      else bytes += again
    }
    return { failures, bytes }
  }

  /** Delivers one write from blobs that are loaded with all care; returns its bytes. */
  async #deliverOne(
    order: DeliveryOrder,
    write: number,
    needed: readonly number[],
    { signal }: Cancellable,
  ): Promise<number | Error> {
    const pieces: Buffer[] = []
    try {
      for (const blob of needed) {
        pieces.push(await loadBlob(this.#repository, 'data', order.blobs[blob]?.id as Buffer, { signal }))
      }
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      return thrown as Error
    }
    try {
      return await this.#pool.run<number>('write', { write: order.writes[write], pieces }, { signal })
    } catch (thrown) {
      signal?.throwIfAborted()
      return thrown instanceof Error ? thrown : new Error(messageOf(thrown))
    }
  }
}

/** A stretch of a pack that is read in one go. */
interface Run {
  readonly start: number
  end: number
  /** Positions in the order's blobs. */
  readonly blobs: number[]
}

function runsOf({ blobs }: DeliveryOrder): Run[] {
  const inOrder = blobs.map((_, i) => i).toSorted((a, b) => offsetOf(blobs, a) - offsetOf(blobs, b))
  const runs: Run[] = []
  for (const i of inOrder) {
    const { offset, length } = (blobs[i] as DeliveryOrder['blobs'][number]).place
    const last = runs.at(-1)
    if (last && offset - last.end <= largestGap) {
      last.end = Math.max(last.end, offset + length)
      last.blobs.push(i)
    } else runs.push({ start: offset, end: offset + length, blobs: [i] })
  }
  return runs
}

function columnsOf({ blobs }: DeliveryOrder, runs: readonly Run[]): DeliveredBlobs {
  const ids = new Uint8Array(blobs.length * 32)
  const places = new Uint32Array(blobs.length * placeFields)
  for (const [stretch, run] of runs.entries()) {
    for (const i of run.blobs) {
      const { id, place } = blobs[i] as DeliveryOrder['blobs'][number]
      const { offset, length, plainLength, compressed = true } = place
      ids.set(id, i * 32)
      places.set([stretch, offset, length, compressed ? plainLength : 0], i * placeFields)
    }
  }
  return { ids, places }
}

function offsetOf(blobs: DeliveryOrder['blobs'], i: number): number {
  return blobs[i]?.place.offset ?? 0
}

function blobsOf(write: DeliveryWrite): readonly number[] {
  return write.kind === 'part' ? [write.blob] : write.blobs
}

function result({ failures, bytes }: PackDelivered): DeliveryResult {
  return { failures: failures.map(({ write, error }) => ({ write, error: fromPlainError(error) })), bytes }
}
