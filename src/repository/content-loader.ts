import { ThreadPool, programModule, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { RepositoryError } from './errors.ts'
import { paddingRoom } from './format/hash-pairs.ts'
import { idToHex } from './format/ids.ts'
import { loadBlob } from './load-blob.ts'
import type { IndexedRepository } from './repository.ts'
import type { BlobToOpen, OpenOrder, OpenedBlobs } from './threads/opening-thread.ts'

/** Blobs that lie this close together are read in one go: asking again costs more than the bytes between. */
const largestGap = 64 << 10
/** Most bytes that are read in one go. */
const longestRun = 4 << 20

/**
 * Blobs that were loaded together. Their memory is given back at once when they are disposed of: left to the garbage
 * collector it would pile up, because a buffer weighs nothing in its eyes.
 */
export class LoadedContents implements Disposable {
  readonly #blobs = new Map<string, Buffer | Error>()
  readonly #memory: Uint8Array[] = []

  /** The bytes of a blob, good until this is disposed of. Throws what is wrong with it. */
  take(id: Buffer): Buffer {
    const blob = this.#blobs.get(id.toString('latin1'))
    if (blob instanceof Error) throw blob
    if (!blob) throw new RepositoryError('BLOB_NOT_FOUND', { type: 'data', id: idToHex(id) })
    return blob
  }

  add(id: Uint8Array, blob: Buffer | Error): void {
    this.#blobs.set(Buffer.from(id).toString('latin1'), blob)
  }

  /** Memory that blobs lie in. */
  keep(memory: Uint8Array): void {
    this.#memory.push(memory)
  }

  [Symbol.dispose](): void {
    this.#blobs.clear()
    for (const { buffer } of this.#memory.splice(0)) if (buffer instanceof ArrayBuffer) buffer.transfer(0)
  }
}

/** Loads data blobs to be used in the order in which their file has them; threads open and verify them. */
export class ContentLoader implements AsyncDisposable {
  readonly #repository: IndexedRepository
  readonly #pool: ThreadPool

  constructor(repository: IndexedRepository, { threads }: { readonly threads: number }) {
    const module = programModule('repository/threads/opening-thread')
    this.#repository = repository
    this.#pool = new ThreadPool({ module, threads, data: repository.settings })
  }

  /** Bytes of a blob. Throws `BLOB_NOT_FOUND`. */
  lengthOf(ids: Buffer, at: number): number {
    const { index } = this.#repository
    const entry = index.find('data', ids, at)
    if (entry >= 0) return index.plainLengthOf(entry)
    throw new RepositoryError('BLOB_NOT_FOUND', { type: 'data', id: idToHex(ids, at) })
  }

  /** Loads the blobs of some ids, which are known (`lengthOf`). Never throws for a bad blob: see `LoadedContents.take`. */
  async load(ids: Iterable<Buffer>, options: Cancellable = {}): Promise<LoadedContents> {
    const loaded = new LoadedContents()
    await Promise.all(this.#plan(ids).map((run) => this.#loadRun(run, loaded, options)))
    return loaded
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]()
  }

  #plan(ids: Iterable<Buffer>): Run[] {
    const { index } = this.#repository
    const places = [...ids].map((id) => ({ id, entry: index.find('data', id) }))
    const sorted = places.toSorted(
      (a, b) => index.packOf(a.entry) - index.packOf(b.entry) || index.offsetOf(a.entry) - index.offsetOf(b.entry),
    )
    const runs: Run[] = []
    for (const { id, entry } of sorted) {
      const [pack, start] = [index.packOf(entry), index.offsetOf(entry)]
      const end = start + index.lengthOf(entry)
      let run = runs.at(-1)
      if (!run || run.pack !== pack || start - run.end > largestGap || end - run.start > longestRun) {
        run = { pack, start, end, blobs: [] }
        runs.push(run)
      }
      const plainLength = index.plainLengthOf(entry)
      const isCompressed = index.uncompressedLengthOf(entry) > 0
      run.blobs.push({ id, offset: start - run.start, length: end - start, plainLength, isCompressed })
      run.end = Math.max(run.end, end)
    }
    return runs
  }

  async #loadRun({ pack, start, end, blobs }: Run, loaded: LoadedContents, options: Cancellable) {
    const opened = await this.#open({ pack, start, end, blobs }, options)
    if (opened) loaded.keep(opened.plain)
    const damaged = new Set(opened?.damaged)
    let at = 0
    for (const [i, { id, plainLength }] of blobs.entries()) {
      const plain = opened && !damaged.has(i) ? Buffer.from(opened.plain.buffer, at, plainLength) : undefined
      loaded.add(id, plain ?? (await this.#loadWithCare(id, options)))
      at += plainLength + paddingRoom
    }
  }

  async #open({ pack, start, end, blobs }: Run, { signal }: Cancellable): Promise<OpenedBlobs | undefined> {
    const { backend, index } = this.#repository
    const name = index.packName(pack).toString('hex')
    const range = { offset: start, length: end - start }
    let sealed: Buffer
    try {
      sealed = await backend.read({ type: 'pack', name }, { range, signal })
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      return undefined // told apart when the blobs are loaded one by one
    }
    // The bytes move to the thread without being copied, where they have memory of their own.
    const isAlone = sealed.byteOffset === 0 && sealed.byteLength === sealed.buffer.byteLength
    const transfer = isAlone ? [sealed.buffer as ArrayBuffer] : []
    const order: OpenOrder = { sealed, blobs }
    return await this.#pool.run<OpenedBlobs>('open', order, { signal, transfer })
  }

  // Damaged, or not to be had: read again, here and in other packs.
  async #loadWithCare(id: Uint8Array, { signal }: Cancellable): Promise<Buffer | Error> {
    try {
      return await loadBlob(this.#repository, 'data', id, { signal })
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      return thrown as Error
    }
  }
}

/** A stretch of a pack that is read in one go. */
interface Run {
  /** The pack's number. */
  readonly pack: number
  readonly start: number
  end: number
  readonly blobs: BlobToOpen[]
}
