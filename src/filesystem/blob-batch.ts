import { choosePrimitives, paddingRoom } from '#repository/format'
import type { PairHasher, Primitives } from '#repository/format'

import type { TargetDisk } from './target-disk-types.ts'

const hashLength = 32

/** What is read is hashed when there is so much of it: it still lies in the processor's cache. */
const batchBytes = 512 << 10

/** Which blob something should be, and where it is counted when it is. */
interface WantedBlob {
  readonly ids: Uint8Array
  /** Where in `ids` its id begins. */
  readonly at: number
  readonly counts: Uint8Array | Uint32Array
  readonly count: number
}

/** A blob that was read and not yet hashed: where it lies in the memory. */
interface WaitingBlob {
  readonly offset: number
  readonly length: number
  readonly wanted: WantedBlob
}

/** Blobs as they are read from files, many of them hashed at a time and compared with what they should be. */
export class BlobBatch {
  readonly #disk: TargetDisk
  readonly #hashes: PairHasher
  #memory = Buffer.allocUnsafeSlow(batchBytes)
  #hashed = Buffer.alloc(64 * hashLength)
  #used = 0
  #waiting: WaitingBlob[] = []

  constructor(disk: TargetDisk, primitives: Primitives = choosePrimitives()) {
    this.#disk = disk
    this.#hashes = primitives.createPairHasher()
  }

  /** Reads a blob of a file; false when the file ends before. Whether it is what it should be is known after `finish`. */
  read(
    file: number,
    { offset, length }: { readonly offset: number; readonly length: number },
    wanted: WantedBlob,
  ): boolean {
    const at = this.#makeRoom(length)
    if (this.#disk.read(file, this.#memory.subarray(at, at + length), offset) < length) return false
    this.#waiting.push({ offset: at, length, wanted })
    this.#used = at + length + paddingRoom
    return true
  }

  /** Counts those that are what they should be. */
  finish(): void {
    const bytes = this.#waiting.length * hashLength
    if (bytes > this.#hashed.length) this.#hashed = Buffer.alloc(bytes)
    this.#hashes.hashAll(this.#memory, this.#waiting, this.#hashed)
    let hash = 0
    for (const { wanted } of this.#waiting) {
      const { ids, at, counts, count } = wanted
      const isSame = this.#hashed.compare(ids, at, at + hashLength, hash, hash + hashLength) === 0
      if (isSame) counts[count] = (counts[count] as number) + 1
      hash += hashLength
    }
    this.#waiting = []
    this.#used = 0
  }

  /** Returns where so many bytes can be put. */
  #makeRoom(length: number): number {
    const needed = length + paddingRoom
    if (this.#used + needed > this.#memory.length) this.finish()
    if (needed > this.#memory.length) this.#memory = Buffer.allocUnsafeSlow(needed + (needed >>> 3))
    return this.#used
  }
}
