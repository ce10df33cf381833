import { throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { openTree } from './format/tree.ts'
import type { Tree } from './format/tree.ts'
import { loadTree } from './load-blob.ts'
import type { IndexedRepository } from './repository.ts'
import type { TreeToScan } from './threads/tree-scanner.ts'
import type { ScanOrder } from './writing.ts'

/**
 * Loads many trees. Trees that were saved together lie together in their packs, and walking needs nearly all of them:
 * so packs are read in windows, and each window serves many trees.
 */

const windowSize = 512 << 10
/** Bounds the memory: 16 MiB. */
const mostWindows = 32

export class TreeLoader {
  readonly #repository: IndexedRepository
  /** End of the last blob of each pack, by its number. */
  readonly #packEnds: Float64Array
  /** Windows of packs, the least recently used first. */
  readonly #windows = new Map<string, Promise<Buffer>>()
  readonly #hash = Buffer.alloc(32)
  /** Bytes of all trees, once opened. */
  readonly treeBytes: number

  constructor(repository: IndexedRepository) {
    this.#repository = repository
    const { index } = repository
    this.#packEnds = new Float64Array(index.packCount)
    let treeBytes = 0
    for (let entry = 0; entry < index.size; entry++) {
      const pack = index.packOf(entry)
      if (pack < 0) continue
      const end = index.offsetOf(entry) + index.lengthOf(entry)
      if (end > (this.#packEnds[pack] as number)) this.#packEnds[pack] = end
      if (index.typeOf(entry) === 'tree') treeBytes += index.plainLengthOf(entry)
    }
    this.treeBytes = treeBytes
  }

  /** Loads a tree by its id. Throws `BLOB_NOT_FOUND`, `BLOB_DAMAGED`. */
  async loadById(id: Uint8Array, options: Cancellable = {}): Promise<Tree> {
    const entry = this.#repository.index.find('tree', id)
    return entry < 0 ? await loadTree(this.#repository, id, options) : await this.load(entry, options)
  }

  /** Loads the tree that an entry of the index is about. Throws `BLOB_DAMAGED`. */
  async load(entry: number, { signal }: Cancellable = {}): Promise<Tree> {
    const { index, codec } = this.#repository
    const id = index.idOf(entry)
    const sealed = await this.#fromWindow(entry, { signal })
    if (sealed) {
      const plain = this.#open(sealed, index.uncompressedLengthOf(entry))
      if (plain) {
        codec.primitives.hasher.sha256(plain, this.#hash, 0)
        if (this.#hash.equals(id)) return openTree(plain)
      }
    }
    // Something is wrong with this copy, or with this read of it: now with all care.
    return await loadTree(this.#repository, id, { signal })
  }

  /**
   * The sealed bytes of a tree, for a thread to open; undefined when they cannot be had just so: then `load` finds out what
   * is wrong. They lie in a window that is shared, so they are to be copied.
   */
  async loadSealed(entry: number, options: Cancellable = {}): Promise<Buffer | undefined> {
    return (await this.#fromWindow(entry, options)) ?? (await this.#readAlone(entry, options))
  }

  /** The trees of orders, sealed, in memory of their own; undefined for those that cannot be had just so. */
  async loadToScan(orders: readonly ScanOrder[], options: Cancellable = {}): Promise<(TreeToScan | undefined)[]> {
    return await Promise.all(
      orders.map(async ({ folder, tree }) => {
        const entry = this.#repository.index.find('tree', tree)
        const sealed = entry < 0 ? undefined : await this.loadSealed(entry, options)
        return sealed && { folder, entry, sealed: new Uint8Array(sealed) }
      }),
    )
  }

  /** For what lies in no window, or in two. */
  async #readAlone(entry: number, { signal }: Cancellable): Promise<Buffer | undefined> {
    const { backend, index } = this.#repository
    const pack = index.packOf(entry)
    if (pack < 0) return undefined
    const range = { offset: index.offsetOf(entry), length: index.lengthOf(entry) }
    const name = index.packName(pack).toString('hex')
    try {
      return await backend.read({ type: 'pack', name }, { range, signal, cacheable: true })
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      return undefined
    }
  }

  #open(sealed: Uint8Array, plainLength: number): Buffer | undefined {
    try {
      return Buffer.from(this.#repository.codec.open(sealed, plainLength))
    } catch (thrown) {
      throwIfBug(thrown)
      return undefined
    }
  }

  async #fromWindow(entry: number, options: Cancellable): Promise<Buffer | undefined> {
    const { index } = this.#repository
    const [pack, offset, length] = [index.packOf(entry), index.offsetOf(entry), index.lengthOf(entry)]
    const number = Math.floor(offset / windowSize)
    const start = number * windowSize
    // A pack that came after the loader has no known end.
    const isKnown = pack >= 0 && pack < this.#packEnds.length
    if (!isKnown || offset + length > start + windowSize) return undefined
    try {
      const window = await this.#window(pack, number, options)
      return window.subarray(offset - start, offset - start + length)
    } catch (thrown) {
      options.signal?.throwIfAborted()
      throwIfBug(thrown)
      return undefined
    }
  }

  #window(pack: number, number: number, { signal }: Cancellable): Promise<Buffer> {
    const key = `${pack}:${number}`
    const present = this.#windows.get(key)
    if (present) {
      this.#windows.delete(key)
      this.#windows.set(key, present)
      return present
    }
    const { backend, index } = this.#repository
    const offset = number * windowSize
    const range = { offset, length: Math.min(windowSize, (this.#packEnds[pack] as number) - offset) }
    const name = index.packName(pack).toString('hex')
    const window = backend.read({ type: 'pack', name }, { range, signal, cacheable: true })
    window.catch(() => this.#windows.delete(key))
    this.#windows.set(key, window)
    if (this.#windows.size > mostWindows) this.#windows.delete(this.#windows.keys().next().value as string)
    return window
  }
}
