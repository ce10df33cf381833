import { smallestChunk } from '../format/chunker.ts'
import { searchReach } from './file-cutter.ts'
import { changesSoFar, longestWait, throwIfStopped, waitForChange, wakeThreads } from './memory.ts'
import type { SharedControl } from './memory.ts'

/**
 * The parts of a large file that several threads read, cut and store. The thread that has opened the file, its owner, hands out
 * parts; another thread begins at a sure cut of its part (`FileCutter.beginAtSureCut`) and goes on to that of the next one.
 * What is odd in any way — no sure cut, an error, an end that comes too early — it leaves to the owner, which begins
 * where the part before ended: so what is stored and what is reported is what one thread alone would have stored and reported.
 *
 * One for each thread. Memory is bounded: so many parts may be under way.
 */
export interface SharedParts {
  readonly fields: SharedArrayBuffer
  /** Of each part that is under way, by the number of the part modulo how many may be. */
  readonly states: SharedArrayBuffer
  readonly results: SharedArrayBuffer
  readonly ids: SharedArrayBuffer
}

export const partSize = 32 << 20
/** The last part has the rest of the file, too. A part goes on to the sure cut of the next one. */
const mostChunks = (2 * partSize + searchReach) / smallestChunk
/** After a part without a sure cut so many are left to the owner. */
const restAfterMiss = 16

const openField = 0
const visitorsField = 1
const handleField = 2
const countField = 3
/** First part that the owner has not got the chunks of. */
const baseField = 4
/** Parts before this one are not for others. */
const notBeforeField = 5
const fieldCount = 6

const startResult = 0
const endResult = 1
const chunksResult = 2
const blobsResult = 3
const bytesResult = 4
const storedResult = 5
const resultCount = 6

/** States of a part, in the lowest bits of a number whose others say which part it is. */
const untaken = 0
/** A thread looks for its sure cut. */
const searched = 1
/** A thread stores it from its sure cut on, which stands in `start`. */
const cut = 2
const done = 3
/** For the owner to store, from where the part before ends. */
const left = 4
const stateBits = 3
const stateMask = (1 << stateBits) - 1

export function createSharedParts(threads: number): SharedParts {
  const underWay = Math.max(8, 2 * threads)
  return {
    fields: new SharedArrayBuffer(fieldCount * 4),
    states: new SharedArrayBuffer(underWay * 4),
    results: new SharedArrayBuffer(underWay * resultCount * 8),
    ids: new SharedArrayBuffer(underWay * mostChunks * 32),
  }
}

/** What a thread has stored of a part. */
export interface StoredPart {
  readonly start: number
  readonly end: number
  /** 32 bytes for each chunk. */
  readonly ids: Uint8Array
  readonly added: { readonly blobs: number; readonly bytes: number; readonly storedBytes: number }
}

/** A cut that is sure was not met: the file has changed between two readings. */
export class PartsDisagree extends Error {}

export class PartTable {
  readonly #fields: Int32Array
  readonly #states: Int32Array
  readonly #results: Float64Array
  readonly #ids: Uint8Array
  readonly #control: SharedControl

  constructor({ fields, states, results, ids }: SharedParts, control: SharedControl) {
    this.#fields = new Int32Array(fields)
    this.#states = new Int32Array(states)
    this.#results = new Float64Array(results)
    this.#ids = new Uint8Array(ids)
    this.#control = control
  }

  /** Number of parts. */
  get count(): number {
    return Atomics.load(this.#fields, countField)
  }

  /** What the file is read by. */
  get handle(): number {
    return Atomics.load(this.#fields, handleField)
  }

  /** The owner: from now on others take parts of this file, which is `size` long. */
  open(handle: number, size: number): void {
    Atomics.store(this.#fields, handleField, handle)
    Atomics.store(this.#fields, countField, Math.max(1, Math.floor(size / partSize)))
    Atomics.store(this.#fields, baseField, 0)
    Atomics.store(this.#fields, notBeforeField, 0)
    for (let part = 0; part < this.#states.length; part++) Atomics.store(this.#states, part, stateOf(part, untaken))
    Atomics.store(this.#fields, openField, 1)
  }

  /** The owner: no part is taken any more; waits until nobody reads the file. */
  close(): void {
    Atomics.store(this.#fields, openField, 0)
    wakeThreads(this.#control)
    for (;;) {
      const seen = changesSoFar(this.#control)
      if (Atomics.load(this.#fields, visitorsField) === 0) return
      waitForChange(this.#control, seen, longestWait)
    }
  }

  /** Another thread: a part to be stored from its sure cut on, while `work` runs; false when there is none. */
  visit(work: (part: number) => void): boolean {
    Atomics.add(this.#fields, visitorsField, 1)
    try {
      const part = this.isOpen ? this.take() : -1
      if (part >= 0) work(part)
      return part >= 0
    } finally {
      Atomics.sub(this.#fields, visitorsField, 1)
      wakeThreads(this.#control)
    }
  }

  get isOpen(): boolean {
    return Atomics.load(this.#fields, openField) === 1
  }

  /** A part to be stored from its sure cut on; -1 when there is none. Whoever takes it must `finish` or `leave` it. */
  take(): number {
    const base = Atomics.load(this.#fields, baseField)
    const first = Math.max(base + 1, Atomics.load(this.#fields, notBeforeField))
    // The next part's state is asked for, too.
    const end = Math.min(this.count, base + this.#states.length - 1)
    for (let part = first; part < end; part++) if (this.#change(part, untaken, searched)) return part
    return -1
  }

  /** The part has a sure cut there. */
  begin(part: number, start: number): void {
    this.#results[this.#result(part, startResult)] = start
    this.#set(part, cut)
  }

  /** Notes chunk number `chunk` of the part; false when there are more than there can be in a file that stays as it is. */
  note(part: number, chunk: number, id: Uint8Array): boolean {
    if (chunk >= mostChunks) return false
    this.#ids.set(id, (this.#place(part) * mostChunks + chunk) * 32)
    return true
  }

  finish(
    part: number,
    end: number,
    { chunks, added }: { readonly chunks: number; readonly added: StoredPart['added'] },
  ): void {
    this.#results[this.#result(part, endResult)] = end
    this.#results[this.#result(part, chunksResult)] = chunks
    this.#results[this.#result(part, blobsResult)] = added.blobs
    this.#results[this.#result(part, bytesResult)] = added.bytes
    this.#results[this.#result(part, storedResult)] = added.storedBytes
    this.#set(part, done)
  }

  /** The part is for the owner to store. */
  leave(part: number): void {
    this.#set(part, left)
  }

  /** No sure cut was found in the part: there will hardly be one in the next. */
  leaveMissed(part: number): void {
    Atomics.store(this.#fields, notBeforeField, part + restAfterMiss)
    this.leave(part)
  }

  /**
   * Whether the part ends at `position`, where a chunk ends. When nobody has taken the next part, it is left to the owner.
   * Throws `PartsDisagree`.
   */
  endsAt(part: number, position: number): boolean {
    const next = part + 1
    if (next >= this.count || position < next * partSize) return false
    for (;;) {
      const seen = changesSoFar(this.#control)
      if (this.#change(next, untaken, left)) return true
      const state = this.#stateOf(next)
      if (state === left) return true
      if (state === cut || state === done) {
        const start = this.#results[this.#result(next, startResult)] as number
        if (position > start) throw new PartsDisagree()
        return position === start
      }
      // A sure cut lies behind another place, and that one behind the beginning of the part.
      if (position < next * partSize + smallestChunk) return false
      throwIfStopped(this.#control)
      waitForChange(this.#control, seen, longestWait)
    }
  }

  /** The owner: whether the first part whose chunks it has not got is for itself to store. */
  isLeft(part: number): boolean {
    return this.#change(part, untaken, left) || this.#stateOf(part) === left
  }

  /** The owner: what was stored of the first part whose chunks it has not got; undefined when that is not done. */
  collect(part: number): StoredPart | undefined {
    if (this.#stateOf(part) !== done) return undefined
    const result = (field: number) => this.#results[this.#result(part, field)] as number
    const ids = this.#ids.subarray(this.#place(part) * mostChunks * 32).subarray(0, result(chunksResult) * 32)
    const added = { blobs: result(blobsResult), bytes: result(bytesResult), storedBytes: result(storedResult) }
    return { start: result(startResult), end: result(endResult), ids, added }
  }

  /** The owner: it has the chunks of the part, the first of those it had not. Another part may take its place. */
  pass(part: number): void {
    const later = part + this.#states.length
    Atomics.store(this.#states, this.#place(part), stateOf(later, untaken))
    Atomics.store(this.#fields, baseField, part + 1)
    wakeThreads(this.#control)
  }

  #place(part: number): number {
    return part % this.#states.length
  }

  #result(part: number, field: number): number {
    return this.#place(part) * resultCount + field
  }

  #stateOf(part: number): number {
    return Atomics.load(this.#states, this.#place(part)) & stateMask
  }

  #change(part: number, from: number, to: number): boolean {
    const [before, after] = [stateOf(part, from), stateOf(part, to)]
    return Atomics.compareExchange(this.#states, this.#place(part), before, after) === before
  }

  #set(part: number, state: number): void {
    Atomics.store(this.#states, this.#place(part), stateOf(part, state))
    wakeThreads(this.#control)
  }
}

function stateOf(part: number, state: number): number {
  return (part << stateBits) | state
}
