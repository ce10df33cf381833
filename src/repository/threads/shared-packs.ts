import { lockMutex, unlockMutex } from '../mutex.ts'
import { mostBlobsPerPack, packBufferSize } from '../packer.ts'
import type { PackedBlobs } from '../packer.ts'
import { packHeaderLength } from '../format/pack-header.ts'

/**
 * The packs that all threads fill together. There are as many buffers as packs may be open or on their way to the storage:
 * that bounds the memory of a backup, however many threads it has.
 *
 * Blobs are spread at random over two open packs: the order of a file's chunk lengths in one pack would tell which known
 * file it is (eprint 2025/532).
 */

const openPacks = 2

/** Fields of the state: the mutex, the buffer of each open pack, then what is in each buffer. */
const mutexField = 0
const openField = 1
const buffersField = openField + openPacks
const fieldsPerBuffer = 3
const useField = 0
const lengthField = 1
const countField = 2

const noBuffer = -1
const free = 0
const inUse = 1

/** Bytes of a blob's entry in a buffer's table: id, then type, offset, length, plain length, index entry. */
const idBytes = 32
const columns = 5
const columnBytes = mostBlobsPerPack * 4
const tableBytes = mostBlobsPerPack * idBytes + columns * columnBytes

export interface SharedPacks {
  readonly packSize: number
  readonly state: SharedArrayBuffer
  /** Contents, one buffer for each pack. */
  readonly contents: readonly SharedArrayBuffer[]
  readonly tables: readonly SharedArrayBuffer[]
}

/** `underWay`: packs that may be sealed or written while others are filled. Pages of the buffers are taken as they are filled. */
export function createSharedPacks(packSize: number, underWay: number): SharedPacks {
  const buffers = openPacks + underWay
  const state = new SharedArrayBuffer((buffersField + buffers * fieldsPerBuffer) * 4)
  new Int32Array(state).fill(noBuffer, openField, openField + openPacks)
  return {
    packSize,
    state,
    contents: Array.from({ length: buffers }, () => new SharedArrayBuffer(packBufferSize(packSize))),
    tables: Array.from({ length: buffers }, () => new SharedArrayBuffer(tableBytes)),
  }
}

export interface BlobToAppend {
  /** 1 for a tree, 0 for data. */
  readonly type: number
  readonly ids: Uint8Array
  readonly idAt: number
  readonly sealed: Uint8Array
  readonly plainLength: number
  readonly entry: number
}

/** What became of an attempt to append. */
export interface Appended {
  /** False when no buffer was free: try again when one has been released. */
  readonly done: boolean
  /** Buffers of packs that are complete now: the caller seals and sends them. */
  readonly complete: readonly number[]
}

/** One thread's view of the shared packs. */
export class SharedPackTable {
  readonly #packs: SharedPacks
  readonly #state: Int32Array

  constructor(packs: SharedPacks) {
    this.#packs = packs
    this.#state = new Int32Array(packs.state)
  }

  /** `random` is in [0, 1). */
  append(blob: BlobToAppend, random: number): Appended {
    const complete: number[] = []
    lockMutex(this.#state, mutexField)
    try {
      const slot = openField + Math.floor(random * openPacks)
      let buffer = this.#state[slot] as number
      if (buffer !== noBuffer && !this.#hasRoom(buffer, blob.sealed.length)) {
        complete.push(buffer)
        buffer = this.#state[slot] = noBuffer
      }
      if (buffer === noBuffer) buffer = this.#state[slot] = this.#takeFree()
      if (buffer === noBuffer) return { done: false, complete }
      this.#put(buffer, blob)
      if (this.#isComplete(buffer)) {
        complete.push(buffer)
        this.#state[slot] = noBuffer
      }
      return { done: true, complete }
    } finally {
      unlockMutex(this.#state, mutexField)
    }
  }

  /**
   * Takes the open packs, complete or not, out of use; those that fit into one pack together are joined. Nobody may append
   * meanwhile.
   */
  takeOpen(): number[] {
    const taken: number[] = []
    for (let slot = openField; slot < openField + openPacks; slot++) {
      const buffer = this.#state[slot] as number
      this.#state[slot] = noBuffer
      if (buffer === noBuffer) continue
      const other = taken.find((first) => this.#fitTogether(first, buffer))
      if (other === undefined) taken.push(buffer)
      else this.#join(other, buffer)
    }
    return taken
  }

  /** The whole buffer: the pack's blobs lie at its start, and its header goes behind them. */
  content(buffer: number): { readonly bytes: Buffer; readonly length: number } {
    return {
      bytes: Buffer.from(this.#packs.contents[buffer] as SharedArrayBuffer),
      length: this.#get(buffer, lengthField),
    }
  }

  blobs(buffer: number): PackedBlobs {
    const count = this.#get(buffer, countField)
    const table = this.#packs.tables[buffer] as SharedArrayBuffer
    const column = (i: number) => new Uint32Array(table, mostBlobsPerPack * idBytes + i * columnBytes, count).slice()
    return {
      count,
      ids: new Uint8Array(table, 0, count * idBytes).slice(),
      types: Uint8Array.from(column(0)),
      offsets: column(1),
      lengths: column(2),
      plainLengths: column(3),
      entries: column(4),
    }
  }

  /** The pack in this buffer has been written: the buffer is free for another. */
  release(buffer: number): void {
    lockMutex(this.#state, mutexField)
    this.#set(buffer, lengthField, 0)
    this.#set(buffer, countField, 0)
    this.#set(buffer, useField, free)
    unlockMutex(this.#state, mutexField)
  }

  #fitTogether(buffer: number, other: number): boolean {
    const bytes = this.#get(buffer, lengthField) + this.#get(other, lengthField)
    const blobs = this.#get(buffer, countField) + this.#get(other, countField)
    return bytes <= this.#packs.packSize && blobs <= mostBlobsPerPack
  }

  #join(buffer: number, other: number): void {
    const { bytes } = this.content(other)
    const { count, ids, types, offsets, lengths, plainLengths, entries } = this.blobs(other)
    for (let i = 0; i < count; i++) {
      const offset = offsets[i] as number
      this.#put(buffer, {
        type: types[i] as number,
        ids,
        idAt: i * idBytes,
        sealed: bytes.subarray(offset, offset + (lengths[i] as number)),
        plainLength: plainLengths[i] as number,
        entry: entries[i] as number,
      })
    }
    this.release(other)
  }

  #takeFree(): number {
    for (let buffer = 0; buffer < this.#packs.contents.length; buffer++) {
      if (this.#get(buffer, useField) !== free) continue
      this.#set(buffer, useField, inUse)
      return buffer
    }
    return noBuffer
  }

  #hasRoom(buffer: number, bytes: number): boolean {
    const { byteLength } = this.#packs.contents[buffer] as SharedArrayBuffer
    return this.#get(buffer, lengthField) + bytes + packHeaderLength(this.#get(buffer, countField) + 1) <= byteLength
  }

  #isComplete(buffer: number): boolean {
    return this.#get(buffer, lengthField) >= this.#packs.packSize || this.#get(buffer, countField) >= mostBlobsPerPack
  }

  #put(buffer: number, { type, ids, idAt, sealed, plainLength, entry }: BlobToAppend): void {
    const length = this.#get(buffer, lengthField)
    const count = this.#get(buffer, countField)
    new Uint8Array(this.#packs.contents[buffer] as SharedArrayBuffer).set(sealed, length)
    const table = this.#packs.tables[buffer] as SharedArrayBuffer
    new Uint8Array(table, count * idBytes, idBytes).set(ids.subarray(idAt, idAt + idBytes))
    const values = [type, length, sealed.length, plainLength, entry]
    const columnView = new Uint32Array(table, mostBlobsPerPack * idBytes)
    values.forEach((value, i) => {
      columnView[i * mostBlobsPerPack + count] = value
    })
    this.#set(buffer, lengthField, length + sealed.length)
    this.#set(buffer, countField, count + 1)
  }

  #get(buffer: number, field: number): number {
    return this.#state[buffersField + buffer * fieldsPerBuffer + field] as number
  }

  #set(buffer: number, field: number, value: number): void {
    this.#state[buffersField + buffer * fieldsPerBuffer + field] = value
  }
}
