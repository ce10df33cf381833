import { ThreadPool, forEachConcurrent, throwIfBug } from '#base'
import type { Cancellable, WarmThreads } from '#base'
import { Bitmap } from '../bitmap.ts'
import { IndexSaver } from '../index-saver.ts'
import { loadBlob } from '../load-blob.ts'
import { PackUploader } from '../pack-uploader.ts'
import { Packer, defaultPackSize } from '../packer.ts'
import type { SealedBlob } from '../packer.ts'
import type { PlannedPack, PrunePlan } from './plan.ts'
import type { IndexedRepository } from '../repository.ts'
import { PieceReader } from '../threads/blob-examiner.ts'
import type { PackPiece, Verified, VerifyOrder } from '../threads/blob-examiner.ts'
import { createControl, stopThreads } from '../threads/memory.ts'
import { threadModule } from '../threads/module.ts'
import type { ThreadSetup } from '../threads/setup.ts'

export interface RepackOptions extends Cancellable {
  readonly threads: number
  /** As many, started before (`warmThreads`). */
  readonly warm?: WarmThreads | undefined
  readonly packSize?: number | undefined
  /** Throws when the lock is gone. */
  readonly guard: () => Promise<void>
  /** Told of bytes of packs that have been dealt with. */
  readonly onProgress?: ((bytes: number) => void) | undefined
}

/** Needed blobs that lie this close together are read in one go. */
const largestGap = 256 << 10
/** About how many bytes of a pack are read together, by whether asking again costs next to nothing. */
const stretchBytes = { fast: 4 << 20, slow: 16 << 20 }
/** Most new packs that wait to be written, by whether the storage is as fast as a disk: there the first are soon done. */
const mostPacksUnderWay = { fast: 1, slow: 6 }

/**
 * Copies the blobs that the plan says into new packs, and names these in new index files. Returns the files' names. Until
 * the old packs leave the index every blob is there twice, so this may end at any moment.
 * Throws `BLOB_DAMAGED` when no copy of a needed blob is sound.
 */
export async function repack(plan: PrunePlan, options: RepackOptions): Promise<ReadonlySet<string>> {
  const kept = keptCopies(plan)
  if (plan.toCopy.count === 0 && kept.size === 0) return new Set()
  await using repacker = new Repacker(plan.view.repository, options)
  await repacker.proveAll(plan, kept)
  await repacker.copyAll(plan)
  return await repacker.finish(options)
}

/**
 * Blobs of which one copy goes and another stays, in the packs where they stay, by the pack's place in the table. Before
 * the one goes, the other is proven: it may be the damaged one.
 */
function keptCopies({ view, packs, toCopy }: PrunePlan): Map<number, Uint32Array> {
  const { repository, table, used } = view
  const { index } = repository
  const going = new Bitmap(index.size)
  for (const { fate, use } of packs) {
    if (!use || !(fate === 'repack' || fate === 'drop')) continue
    for (const entry of table.entriesOf(use.place)) {
      const first = index.firstOf(entry)
      if (used.has(first) && !toCopy.has(first)) going.add(first)
    }
  }
  const kept = new Map<number, Uint32Array>()
  if (going.count === 0) return kept
  for (const { fate, use } of packs) {
    if (!use || !(fate === 'keep' || fate === 'undelete')) continue
    const entries = table.entriesOf(use.place).filter((entry) => going.has(index.firstOf(entry)))
    if (entries.length > 0) kept.set(use.place, entries)
  }
  return kept
}

class Repacker implements AsyncDisposable {
  readonly #repository: IndexedRepository
  readonly #options: RepackOptions
  readonly #control
  readonly #pool: ThreadPool
  readonly #uploader: PackUploader
  readonly #indexes: IndexSaver
  readonly #freeBuffers: ArrayBufferLike[] = []
  readonly #packers: { readonly data: readonly Packer[]; readonly tree: readonly Packer[] }

  constructor(repository: IndexedRepository, options: RepackOptions) {
    const { threads, warm, guard, signal } = options
    const { index, settings, polynomial } = repository
    this.#repository = repository
    this.#options = options
    this.#control = createControl(threads)
    const data: ThreadSetup = { index: index.shared, control: this.#control, codec: settings, polynomial }
    this.#pool = new ThreadPool({ module: threadModule(), threads, data, warm })
    this.#indexes = new IndexSaver(repository, { guard })
    this.#uploader = new PackUploader({
      backend: repository.backend,
      signal,
      onStored: (pack) => this.#indexes.add(pack),
      onFailure: () => undefined, // thrown by the next `drain`
    })
    // As when they were first stored, blobs are spread over two open packs (see `shared-packs.ts`).
    this.#packers = { data: [this.#packer(), this.#packer()], tree: [this.#packer()] }
  }

  /** Reads blobs where they stay. For one that is damaged there, a sound copy is looked for and stored anew. */
  async proveAll({ view }: PrunePlan, kept: ReadonlyMap<number, Uint32Array>): Promise<void> {
    const damaged: number[] = []
    const prove = async ([place, entries]: [number, Uint32Array]) => {
      const name = view.table.packs[place]?.name as string
      for (const stretch of this.#stretchesOf(entries)) damaged.push(...(await this.#proveStretch(name, stretch)))
    }
    await forEachConcurrent(kept, prove, { concurrency: this.#pool.threads + 1, signal: this.#options.signal })
    await this.#rescue(damaged)
  }

  async copyAll({ view, packs, toCopy, limits }: PrunePlan): Promise<void> {
    const { index, config, backend } = this.#repository
    const copied = new Bitmap(index.size)
    const damaged: number[] = []
    const compress = { data: limits.repackUncompressed === true, tree: config.version >= 2 }
    const copyPack = async (pack: PlannedPack) => {
      if (pack.fate !== 'repack' || !pack.use) return
      const { place } = pack.use
      const entries = view.table.entriesOf(place).filter((entry) => {
        const first = index.firstOf(entry)
        return toCopy.has(first) && copied.add(first)
      })
      const isTree = view.table.packs[place]?.type === 'tree'
      for (const stretch of this.#stretchesOf(entries)) {
        damaged.push(...(await this.#copy(pack.name, stretch, compress[isTree ? 'tree' : 'data'])))
      }
      this.#options.onProgress?.(pack.size)
    }
    // Each holds a stretch of a pack; a disk needs no more than one read ahead.
    const concurrency = this.#pool.threads + (backend.fast ? 1 : backend.connections)
    await forEachConcurrent(packs, copyPack, { concurrency, signal: this.#options.signal })
    await this.#rescue(damaged)
  }

  /** Completes and names everything. */
  async finish({ signal }: Cancellable): Promise<ReadonlySet<string>> {
    for (const packer of [...this.#packers.data, ...this.#packers.tree]) packer.flush()
    await this.#uploader.drain()
    signal?.throwIfAborted()
    await this.#indexes.flush({ signal })
    return this.#indexes.saved
  }

  async [Symbol.asyncDispose](): Promise<void> {
    stopThreads(this.#control)
    await this.#pool[Symbol.asyncDispose]()
    await this.#uploader.drain().catch(() => undefined)
  }

  /** The entries of a pack, by their offset, some megabytes of it at a time: that bounds the memory. */
  *#stretchesOf(entries: Uint32Array): Generator<Uint32Array> {
    const { index, backend } = this.#repository
    const most = stretchBytes[backend.fast ? 'fast' : 'slow']
    let first = 0
    for (let i = 1; i <= entries.length; i++) {
      const start = index.offsetOf(entries[first] as number)
      if (i < entries.length && index.offsetOf(entries[i] as number) - start < most) continue
      // Memory of its own: sending a piece of a larger array would send all of it.
      yield entries.slice(first, i)
      first = i
    }
  }

  /** Copies blobs of one pack; returns the entries that are damaged. */
  async #copy(pack: string, entries: Uint32Array, compress: boolean): Promise<readonly number[]> {
    if (entries.length === 0) return []
    const { index } = this.#repository
    const pieces = await this.#read(pack, entries)
    if (!pieces) return [...entries]
    const verified = await this.#verify({ pieces, entries, compress })
    const damaged = new Set(verified.damaged)
    const reader = new PieceReader(verified.pieces)
    for (const entry of entries) {
      if (damaged.has(entry)) continue
      const compressed = verified.compressed.get(entry)
      const sealed = compressed?.sealed ?? reader.read(index.offsetOf(entry), index.lengthOf(entry))
      this.#append(entry, sealed, compressed?.plainLength ?? index.uncompressedLengthOf(entry))
    }
    giveBack(verified.pieces)
    // The storage sets the pace, and memory stays bounded.
    await this.#uploader.drain(mostPacksUnderWay[this.#repository.backend.fast ? 'fast' : 'slow'])
    return verified.damaged
  }

  /** The same for blobs that stay where they are. */
  async #proveStretch(pack: string, entries: Uint32Array): Promise<readonly number[]> {
    const pieces = await this.#read(pack, entries)
    if (!pieces) return [...entries]
    const verified = await this.#verify({ pieces, entries, compress: false })
    giveBack(verified.pieces)
    return verified.damaged
  }

  async #verify(order: VerifyOrder): Promise<Verified> {
    const transfer = order.pieces.map(({ bytes }) => bytes.buffer as ArrayBuffer)
    return await this.#pool.run<Verified>('verifyBlobs', order, { transfer, signal: this.#options.signal })
  }

  #append(entry: number, sealed: Uint8Array, plainLength: number): void {
    const { index } = this.#repository
    const type = index.typeOf(entry)
    const id = index.idOf(entry)
    // An entry of its own: the old one must go on saying where the blob lay, for the mark of the old pack.
    const place = {
      pack: index.packOf(entry),
      offset: index.offsetOf(entry),
      length: index.lengthOf(entry),
      plainLength: index.uncompressedLengthOf(entry),
    }
    const blob: SealedBlob = { type, id, sealed, plainLength, entry: index.add(type, id, 0, place) }
    const packers = this.#packers[type]
    packers[Math.floor(Math.random() * packers.length)]?.append(blob)
  }

  /** Undefined when the pack cannot be read. */
  async #read(pack: string, entries: Uint32Array): Promise<PackPiece[] | undefined> {
    const { index, backend } = this.#repository
    const runs: { offset: number; end: number }[] = []
    for (const entry of entries) {
      const offset = index.offsetOf(entry)
      const end = offset + index.lengthOf(entry)
      const last = runs.at(-1)
      if (last && offset - last.end <= largestGap) last.end = Math.max(last.end, end)
      else runs.push({ offset, end })
    }
    const { signal } = this.#options
    const pieces: PackPiece[] = []
    for (const { offset, end } of runs) {
      const range = { offset, length: end - offset }
      try {
        pieces.push({ offset, bytes: await backend.read({ type: 'pack', name: pack }, { range, signal }) })
      } catch (thrown) {
        signal?.throwIfAborted()
        throwIfBug(thrown)
        return undefined
      }
    }
    return pieces
  }

  // Damaged at first sight: read once more, and looked for in other packs. When all fails the prune ends here, with the
  // old packs where they were.
  async #rescue(entries: readonly number[]): Promise<void> {
    const { index, codec } = this.#repository
    for (const entry of entries) {
      const type = index.typeOf(entry)
      const plain = await loadBlob(this.#repository, type, index.idOf(entry), { signal: this.#options.signal })
      const sealed = Buffer.allocUnsafeSlow(codec.sealedBound(plain.length))
      const { length, plainLength } = codec.seal(type, plain, sealed, 0)
      this.#append(entry, sealed.subarray(0, length), plainLength)
    }
  }

  // The memory of a pack that has been written serves the next one.
  #takeBuffer(bytes: number): Buffer {
    const free = this.#freeBuffers.pop()
    return free && free.byteLength >= bytes ? Buffer.from(free) : Buffer.allocUnsafeSlow(bytes)
  }

  #packer(): Packer {
    const { codec, index } = this.#repository
    return new Packer({
      codec,
      index,
      packSize: this.#options.packSize ?? defaultPackSize,
      buffers: { take: (bytes) => this.#takeBuffer(bytes) },
      emit: (pack) => this.#uploader.add(pack, () => this.#freeBuffers.push(pack.bytes.buffer)),
    })
  }
}

/** Memory that would pile up if it waited for the garbage collector: a buffer weighs nothing in its eyes. */
function giveBack(pieces: readonly PackPiece[]): void {
  for (const { bytes } of pieces) (bytes.buffer as ArrayBuffer).transfer(0)
}
