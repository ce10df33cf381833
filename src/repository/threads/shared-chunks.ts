import type { SavedBlob } from '../packer.ts'

/**
 * Chunks of a large file on their way from the thread that reads and cuts it to threads that have nothing else to do:
 * hashing, compressing and sealing take twice as long as reading and cutting, so one thread alone leaves the others idle.
 *
 * One for each thread. Only its own thread offers and collects; any other may take.
 */
export interface SharedChunks {
  readonly fields: SharedArrayBuffer
  readonly ids: SharedArrayBuffer
  /** Pages are taken as they are filled. */
  readonly contents: readonly SharedArrayBuffer[]
}

/** As many chunks may wait or be worked on. */
const places = 3
/** Longer chunks are rare, and room for them would be taken for good: the thread that cuts one saves it itself. */
const longestShared = 2 << 20

const fieldsPerPlace = 4
const stateField = 0
const lengthField = 1
const knownField = 2
const storedField = 3

const free = 0
const ready = 1
const taken = 2
const done = 3
const failed = 4

export function createSharedChunks(): SharedChunks {
  return {
    fields: new SharedArrayBuffer(places * fieldsPerPlace * 4),
    ids: new SharedArrayBuffer(places * 32),
    contents: Array.from({ length: places }, () => new SharedArrayBuffer(longestShared)),
  }
}

/** A chunk that has been dealt with. */
export interface DoneChunk {
  readonly place: number
  /** 32 bytes. */
  readonly id: Uint8Array
  readonly bytes: number
  readonly saved: SavedBlob
}

export class ChunkQueue {
  readonly #shared: SharedChunks
  readonly #fields: Int32Array

  constructor(shared: SharedChunks) {
    this.#shared = shared
    this.#fields = new Int32Array(shared.fields)
  }

  /** Copies the chunk into a free place, for anybody to take; -1 when there is none, or the chunk is too long. */
  offer(bytes: Uint8Array): number {
    if (bytes.length > longestShared) return -1
    for (let place = 0; place < places; place++) {
      if (this.#get(place, stateField) !== free) continue
      this.content(place, bytes.length).set(bytes)
      this.#set(place, lengthField, bytes.length)
      this.#set(place, stateField, ready)
      return place
    }
    return -1
  }

  /** Takes a chunk that is waiting; -1 when there is none. Whoever takes it must `finish` or `fail` it. */
  take(): number {
    for (let place = 0; place < places; place++) {
      const at = place * fieldsPerPlace + stateField
      if (Atomics.compareExchange(this.#fields, at, ready, taken) === ready) return place
    }
    return -1
  }

  content(place: number, length: number = this.#get(place, lengthField)): Buffer {
    return Buffer.from(this.#shared.contents[place] as SharedArrayBuffer, 0, length)
  }

  /** Where the id of the chunk is written, before `finish`. */
  id(place: number): Uint8Array {
    return new Uint8Array(this.#shared.ids, place * 32, 32)
  }

  finish(place: number, { known, stored }: SavedBlob): void {
    this.#set(place, knownField, known ? 1 : 0)
    this.#set(place, storedField, stored)
    this.#set(place, stateField, done)
  }

  fail(place: number): void {
    this.#set(place, stateField, failed)
  }

  /** Chunks that are done; their places are free again. Undefined when one has failed. */
  collect(): DoneChunk[] | undefined {
    const chunks: DoneChunk[] = []
    for (let place = 0; place < places; place++) {
      const state = this.#get(place, stateField)
      if (state === failed) return undefined
      if (state !== done) continue
      const saved = { known: this.#get(place, knownField) === 1, stored: this.#get(place, storedField) }
      chunks.push({ place, id: this.id(place).slice(), bytes: this.#get(place, lengthField), saved })
      this.#set(place, stateField, free)
    }
    return chunks
  }

  #get(place: number, field: number): number {
    return Atomics.load(this.#fields, place * fieldsPerPlace + field)
  }

  #set(place: number, field: number, value: number): void {
    Atomics.store(this.#fields, place * fieldsPerPlace + field, value)
  }
}
