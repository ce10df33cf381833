import type { BlobPlace, BlobType } from './delivery.ts'
import {
  idWord,
  lengthWord,
  offsetWord,
  packMask,
  packWord,
  plainWord,
  treeBit,
  usedBit,
  wordsPerEntry,
  wordsPerId,
} from './entry-layout.ts'
import type { IndexBatch } from './index-batch.ts'
import { lockMutex, unlockMutex } from './mutex.ts'

/**
 * The index in memory: where every blob lies, shared by all threads.
 *
 * Entries stand densely in one growable shared buffer, 48 bytes each; an open-addressing table of 32-bit slots finds
 * them by id. Slots are at most three quarters and, right after doubling, three eighths full, so an entry costs
 * between 53.3 and 58.7 bytes. A blob that lies in several packs has several entries.
 *
 * While threads store blobs, everything goes through one mutex: an operation holds it for about a microsecond, against
 * tens of microseconds that a blob takes otherwise.
 */

/** What is handed to a thread so that it sees the same index. */
export interface SharedIndex {
  readonly state: SharedArrayBuffer
  readonly entries: SharedArrayBuffer
  readonly slots: SharedArrayBuffer
  readonly packs: SharedArrayBuffer
}

const bytesPerEntry = wordsPerEntry * 4
/** Pack number of a blob that a thread is just storing. */
const pendingPack = packMask

const mutexField = 0
const countField = 1
const packCountField = 2
const slotCountField = 3

// Address space only: pages are taken when they are written.
const mostEntryBytes = 2 ** 34
const mostSlotBytes = 2 ** 32
const mostPackBytes = 2 ** 31

const overhead = 32

export class BlobIndex {
  readonly shared: SharedIndex
  readonly #isStill: boolean
  readonly #state: Int32Array
  #entries: Uint32Array
  #slots: Uint32Array
  #packs: Uint8Array

  /**
   * A new, empty index, or the index that another thread shares; `isStill` when nobody adds to it while this is in use: then
   * threads look things up without waiting for each other.
   */
  constructor(shared?: SharedIndex, { isStill = false }: { readonly isStill?: boolean } = {}) {
    this.#isStill = isStill
    this.shared = shared ?? emptyIndex()
    this.#state = new Int32Array(this.shared.state)
    this.#entries = new Uint32Array(this.shared.entries, 0, this.shared.entries.byteLength / 4)
    this.#slots = new Uint32Array(this.shared.slots, 0, this.shared.slots.byteLength / 4)
    this.#packs = new Uint8Array(this.shared.packs, 0, this.shared.packs.byteLength)
  }

  /** Number of entries. Entries are numbered from 0 and never move. */
  get size(): number {
    return this.#state[countField] as number
  }

  get packCount(): number {
    return this.#state[packCountField] as number
  }

  /** Bytes of memory that entries, slots and pack names take. */
  get memory(): number {
    return this.size * bytesPerEntry + this.#slotCount * 4 + this.packCount * 32
  }

  /** Registers a pack by its raw 32-byte name and returns its number. */
  addPack(name: Uint8Array): number {
    using _ = this.#locked()
    const number = this.packCount
    this.#growPacks(number + 1)
    this.#packs.set(name.subarray(0, 32), number * 32)
    this.#state[packCountField] = number + 1
    return number
  }

  packName(pack: number): Buffer {
    this.#refresh()
    return Buffer.from(this.#packs.subarray(pack * 32, pack * 32 + 32))
  }

  /** Adds a blob that lies in a pack. The id is read from `ids` at `at`. */
  add(type: BlobType, ids: Uint8Array, at: number, place: StoredPlace): number {
    using _ = this.#locked()
    const entry = this.#insert(type, ids, at)
    this.#place(entry, place)
    return entry
  }

  /**
   * Adds packs and their blobs, many at once; their numbers follow those that there are. None of the blobs is found before
   * `settleAppended`.
   */
  append({ packs, entries }: IndexBatch): void {
    using _ = this.#locked()
    const [firstPack, first] = [this.packCount, this.size]
    const packsEnd = firstPack + packs.length / 32
    const end = first + entries.length / wordsPerEntry
    this.#growPacks(packsEnd)
    this.#packs.set(packs, firstPack * 32)
    this.#state[packCountField] = packsEnd
    this.#growEntries(end)
    this.#entries.set(entries, first * wordsPerEntry)
    for (let at = first * wordsPerEntry + packWord; at < end * wordsPerEntry; at += wordsPerEntry)
      this.#entries[at] = (this.#entries[at] as number) + firstPack
    this.#state[countField] = end
  }

  /** Makes all that was appended known. Of a blob's entries the first stays the first. */
  settleAppended(): void {
    using _ = this.#locked()
    let slots = this.#slotCount
    while (this.size * 4 > slots * 3) slots *= 2
    this.#resizeSlots(slots)
  }

  /** The first entry of this blob, or -1. */
  find(type: BlobType, ids: Uint8Array, at = 0): number {
    if (this.#isStill) return this.#find(type, ids, at)
    using _ = this.#locked()
    return this.#find(type, ids, at)
  }

  /** The first entry of the blob that this entry is about: the same for all of a blob's entries. */
  firstOf(entry: number): number {
    using _ = this.#locked()
    return this.#firstOf(entry)
  }

  /**
   * Entries of blobs that an earlier entry is about already, while nobody adds to the index. In the order of the table that
   * finds blobs: what lies together there is compared while it lies in the processor's cache.
   */
  *repeated(): Iterable<number> {
    this.#refresh()
    for (let slot = 0; slot < this.#slots.length; slot++) {
      const entry = (this.#slots[slot] as number) - 1
      if (entry >= 0 && this.#firstOf(entry) !== entry) yield entry
    }
  }

  /** Every entry of this blob. */
  findAll(type: BlobType, ids: Uint8Array, at = 0): number[] {
    using _ = this.#locked()
    const found: number[] = []
    const mask = this.#slotCount - 1
    for (let slot = idWord(ids, at) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = (this.#slots[slot] as number) - 1
      if (this.#is(entry, type, ids, at)) found.push(entry)
    }
    return found
  }

  /**
   * Asks for a blob on behalf of a run that stores: known ones are marked as used by this run; an unknown one is entered
   * as being stored by the caller, who must `settle` it, and every other thread finds it known from now on.
   */
  claim(type: BlobType, ids: Uint8Array, at: number): { readonly entry: number; readonly known: boolean } {
    using _ = this.#locked()
    const entry = this.#find(type, ids, at)
    if (entry >= 0) {
      this.#mark(entry)
      return { entry, known: true }
    }
    const added = this.#insert(type, ids, at)
    this.#mark(added)
    this.#place(added, { pack: pendingPack, offset: 0, length: 0, plainLength: 0 })
    return { entry: added, known: false }
  }

  /** Says where a claimed blob lies now. */
  settle(entry: number, place: StoredPlace): void {
    using _ = this.#locked()
    this.#place(entry, place)
  }

  /** Marks a blob as used by this run, if it is known. */
  use(type: BlobType, ids: Uint8Array, at = 0): boolean {
    using _ = this.#locked()
    const entry = this.#find(type, ids, at)
    if (entry >= 0) this.#mark(entry)
    return entry >= 0
  }

  /** The same for many, by their ids one after the other; false when one of them is not known. */
  useAll(type: BlobType, ids: Uint8Array): boolean {
    using _ = this.#locked()
    for (let at = 0; at < ids.length; at += wordsPerId * 4) {
      const entry = this.#find(type, ids, at)
      if (entry < 0) return false
      this.#mark(entry)
    }
    return true
  }

  /** Bytes of many blobs, by their ids one after the other; undefined when one of them is not known. */
  plainLengths(type: BlobType, ids: Uint8Array): Uint32Array | undefined {
    using _ = this.#locked()
    const lengths = new Uint32Array(ids.length / (wordsPerId * 4))
    for (let i = 0; i < lengths.length; i++) {
      const entry = this.#find(type, ids, i * wordsPerId * 4)
      if (entry < 0) return undefined
      lengths[i] = this.plainLengthOf(entry)
    }
    return lengths
  }

  isUsed(entry: number): boolean {
    return (this.#word(entry, packWord) & usedBit) !== 0
  }

  idOf(entry: number): Buffer {
    const bytes = new Uint8Array(this.shared.entries, entry * bytesPerEntry, wordsPerId * 4)
    return Buffer.from(bytes)
  }

  /** Copies the id of an entry into `into` at `at`. */
  copyId(entry: number, into: Uint8Array, at: number): void {
    into.set(new Uint8Array(this.shared.entries, entry * bytesPerEntry, wordsPerId * 4), at)
  }

  typeOf(entry: number): BlobType {
    return (this.#word(entry, packWord) & treeBit) === 0 ? 'data' : 'tree'
  }

  /** Number of the pack; -1 while the blob is still being stored. */
  packOf(entry: number): number {
    const pack = this.#word(entry, packWord) & packMask
    return pack === pendingPack ? -1 : pack
  }

  offsetOf(entry: number): number {
    return this.#word(entry, offsetWord)
  }

  /** Sealed bytes. */
  lengthOf(entry: number): number {
    return this.#word(entry, lengthWord)
  }

  /** `uncompressed_length`: 0 for a blob that is not compressed. */
  uncompressedLengthOf(entry: number): number {
    return this.#word(entry, plainWord)
  }

  /** Bytes after opening and decompressing. */
  plainLengthOf(entry: number): number {
    return this.uncompressedLengthOf(entry) || this.lengthOf(entry) - overhead
  }

  placeOf(entry: number): BlobPlace {
    return {
      pack: this.packName(this.packOf(entry)).toString('hex'),
      offset: this.offsetOf(entry),
      length: this.lengthOf(entry),
      plainLength: this.plainLengthOf(entry),
      compressed: this.uncompressedLengthOf(entry) > 0,
    }
  }

  get #slotCount(): number {
    return this.#state[slotCountField] as number
  }

  // Asked for millions of times: only an entry that is newer than the view needs a new view.
  #word(entry: number, field: number): number {
    const at = entry * wordsPerEntry + field
    if (at >= this.#entries.length) this.#refresh()
    return this.#entries[at] as number
  }

  #find(type: BlobType, ids: Uint8Array, at: number): number {
    const mask = this.#slotCount - 1
    for (let slot = idWord(ids, at) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = (this.#slots[slot] as number) - 1
      if (this.#is(entry, type, ids, at)) return entry
    }
    return -1
  }

  #is(entry: number, type: BlobType, ids: Uint8Array, at: number): boolean {
    const base = entry * wordsPerEntry
    for (let i = 0; i < wordsPerId; i++) if (this.#entries[base + i] !== idWord(ids, at + i * 4)) return false
    return ((this.#entries[base + packWord] as number) & treeBit) === (type === 'tree' ? treeBit | 0 : 0)
  }

  #firstOf(entry: number): number {
    const base = entry * wordsPerEntry
    const mask = this.#slotCount - 1
    let slot = (this.#entries[base] as number) & mask
    while (!this.#isAlike((this.#slots[slot] as number) - 1, entry)) slot = (slot + 1) & mask
    return (this.#slots[slot] as number) - 1
  }

  #isAlike(entry: number, other: number): boolean {
    if (entry === other) return true
    const [a, b] = [entry * wordsPerEntry, other * wordsPerEntry]
    for (let i = 0; i < wordsPerId; i++) if (this.#entries[a + i] !== this.#entries[b + i]) return false
    return (((this.#entries[a + packWord] as number) ^ (this.#entries[b + packWord] as number)) & treeBit) === 0
  }

  #insert(type: BlobType, ids: Uint8Array, at: number): number {
    const entry = this.size
    this.#growEntries(entry + 1)
    const base = entry * wordsPerEntry
    for (let i = 0; i < wordsPerId; i++) this.#entries[base + i] = idWord(ids, at + i * 4)
    this.#entries[base + packWord] = type === 'tree' ? treeBit : 0
    this.#state[countField] = entry + 1
    if ((entry + 1) * 4 > this.#slotCount * 3) this.#resizeSlots(this.#slotCount * 2)
    else this.#fillSlot(entry)
    return entry
  }

  #fillSlot(entry: number): void {
    const mask = this.#slotCount - 1
    let slot = (this.#entries[entry * wordsPerEntry] as number) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = entry + 1
  }

  #place(entry: number, { pack, offset, length, plainLength }: StoredPlace): void {
    const base = entry * wordsPerEntry
    const flags = (this.#entries[base + packWord] as number) & (treeBit | usedBit)
    this.#entries[base + packWord] = flags | pack
    this.#entries[base + offsetWord] = offset
    this.#entries[base + lengthWord] = length
    this.#entries[base + plainWord] = plainLength
  }

  #mark(entry: number): void {
    const at = entry * wordsPerEntry + packWord
    this.#entries[at] = (this.#entries[at] as number) | usedBit
  }

  /** Enters every entry anew. */
  #resizeSlots(count: number): void {
    this.#slots.fill(0)
    this.shared.slots.grow(count * 4)
    this.#slots = new Uint32Array(this.shared.slots, 0, count)
    this.#state[slotCountField] = count
    const [entries, slots, mask, size] = [this.#entries, this.#slots, count - 1, this.size]
    for (let entry = 0; entry < size; entry++) {
      let slot = (entries[entry * wordsPerEntry] as number) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = entry + 1
    }
  }

  #growEntries(entries: number): void {
    const needed = entries * bytesPerEntry
    if (needed <= this.#entries.byteLength) return
    const { entries: buffer } = this.shared
    buffer.grow(Math.min(mostEntryBytes, Math.max(needed, buffer.byteLength * 2)))
    this.#refresh()
  }

  #growPacks(packs: number): void {
    if (packs * 32 <= this.#packs.byteLength) return
    this.shared.packs.grow(Math.max(packs * 32, this.shared.packs.byteLength * 2))
    this.#refresh()
  }

  // Another thread may have grown a buffer. Views of fixed length are five times faster than views that follow it.
  #refresh(): void {
    const { entries, slots, packs } = this.shared
    if (this.#entries.byteLength !== entries.byteLength)
      this.#entries = new Uint32Array(entries, 0, entries.byteLength / 4)
    if (this.#slots.byteLength !== slots.byteLength) this.#slots = new Uint32Array(slots, 0, slots.byteLength / 4)
    if (this.#packs.byteLength !== packs.byteLength) this.#packs = new Uint8Array(packs, 0, packs.byteLength)
  }

  #locked(): Disposable {
    lockMutex(this.#state, mutexField)
    this.#refresh()
    return this.#unlock
  }

  readonly #unlock: Disposable = { [Symbol.dispose]: () => unlockMutex(this.#state, mutexField) }
}

/** Where a blob lies, by the pack's number; `plainLength` 0 means not compressed. */
export interface StoredPlace {
  readonly pack: number
  readonly offset: number
  readonly length: number
  readonly plainLength: number
}

function emptyIndex(): SharedIndex {
  const firstEntries = 1024
  const state = new SharedArrayBuffer(16)
  new Int32Array(state)[slotCountField] = firstEntries * 2
  return {
    state,
    entries: new SharedArrayBuffer(firstEntries * bytesPerEntry, { maxByteLength: mostEntryBytes }),
    slots: new SharedArrayBuffer(firstEntries * 8, { maxByteLength: mostSlotBytes }),
    packs: new SharedArrayBuffer(firstEntries * 32, { maxByteLength: mostPackBytes }),
  }
}
