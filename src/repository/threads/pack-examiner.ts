import { messageOf, throwIfBug } from '#base'
import type { BlobCodec } from '../blob-codec.ts'
import type { BlobIndex } from '../blob-index.ts'
import { hashLength } from '../format/hash.ts'
import { paddingRoom } from '../format/hash-pairs.ts'
import type { PairHasher } from '../format/hash-pairs.ts'
import { lengthFieldSize, locatePackHeader, parsePackHeader } from '../format/pack-header.ts'
import type { PackBlobs } from '../format/pack-header.ts'
import { BlobProver } from './blob-prover.ts'
import { Room } from './room.ts'
import type { ThreadFiles } from './thread-files.ts'

/** A whole pack. */
export interface ExamineOrder {
  readonly name: string
  /** As it was read from the storage; undefined: the thread reads it itself. */
  readonly bytes?: Uint8Array | undefined
  /** What the index says lies in it: entries, by their offset. */
  readonly entries: Uint32Array
}

export interface Examined {
  /** What is wrong, each a part of a sentence. */
  readonly reasons: readonly string[]
  /** Entries whose blobs are damaged. */
  readonly bad: readonly number[]
}

/** Reasons that one pack gives at most. */
const mostReasons = 10

/** Proves a whole pack, in a thread: its name, every blob, its header, and that header and index say the same. */
export class PackExaminer {
  readonly #codec: BlobCodec
  readonly #index: BlobIndex
  readonly #files: ThreadFiles | undefined
  readonly #hashes: PairHasher
  readonly #pack = new Room()
  readonly #blobs: BlobProver

  constructor(codec: BlobCodec, index: BlobIndex, files: ThreadFiles | undefined) {
    this.#codec = codec
    this.#index = index
    this.#files = files
    this.#hashes = codec.primitives.createPairHasher()
    this.#blobs = new BlobProver(codec, index, this.#hashes)
  }

  /** Undefined when the thread cannot read the pack itself: the storage is to be asked, which tries again and explains. */
  examine(order: ExamineOrder): Examined | undefined {
    const pack = this.#load(order)
    return pack && this.#prove(pack, order)
  }

  #load({ name, bytes }: ExamineOrder): Buffer | undefined {
    const room = (length: number) => this.#pack.take(length + paddingRoom)
    if (!bytes) return this.#files?.tryRead({ type: 'pack', name }, room)
    const pack = room(bytes.length).subarray(0, bytes.length)
    pack.set(bytes)
    return pack
  }

  #prove(pack: Buffer, { name, entries }: ExamineOrder): Examined {
    const reasons: string[] = []
    const bad: number[] = []
    const hash = Buffer.alloc(hashLength)
    this.#hashes.beginLong(this.#pack.memory, pack.length)
    const sealedOf = (entry: number) => {
      const offset = this.#index.offsetOf(entry)
      return pack.subarray(offset, offset + this.#index.lengthOf(entry))
    }
    this.#blobs.prove(entries, sealedOf, (entry, reason) => {
      bad.push(entry)
      const id = this.#index.idOf(entry).toString('hex').slice(0, 10)
      reasons.push(`the ${this.#index.typeOf(entry)} blob ${id} is damaged (${reason})`)
    })
    this.#hashes.finishLong(hash)
    if (hash.toString('hex') !== name) reasons.unshift('its content is not what its name says')
    if (!this.#isContiguous(entries)) reasons.push('its blobs in the index overlap or leave gaps')
    const header = this.#compareHeader(pack, entries)
    if (header) reasons.push(header)
    const more = reasons.length - mostReasons
    if (more > 0) reasons.splice(mostReasons, more, `and ${more} more`)
    return { reasons, bad }
  }

  /** Whether the blobs lie one after the other from the start of the pack. */
  #isContiguous(entries: Uint32Array): boolean {
    let end = 0
    for (const entry of entries) {
      if (this.#index.offsetOf(entry) !== end) return false
      end += this.#index.lengthOf(entry)
    }
    return true
  }

  #compareHeader(bytes: Uint8Array, entries: Uint32Array): string | undefined {
    try {
      const { start, end } = locatePackHeader(bytes.length, bytes.slice(-lengthFieldSize))
      const header = parsePackHeader(this.#codec.openBytes(bytes.subarray(start, end)), bytes.length)
      return this.#equalsIndex(header, entries) ? undefined : 'its header and the index differ'
    } catch (thrown) {
      throwIfBug(thrown)
      return `its header cannot be read (${messageOf(thrown)})`
    }
  }

  #equalsIndex({ count, ids, types, offsets, lengths, plainLengths }: PackBlobs, entries: Uint32Array): boolean {
    if (count !== entries.length) return false
    const index = this.#index
    const id = Buffer.alloc(32)
    for (const [i, entry] of entries.entries()) {
      index.copyId(entry, id, 0)
      const isSame =
        id.equals(ids.subarray(i * 32, i * 32 + 32)) &&
        (index.typeOf(entry) === 'tree') === (types[i] === 1) &&
        index.offsetOf(entry) === offsets[i] &&
        index.lengthOf(entry) === lengths[i] &&
        index.uncompressedLengthOf(entry) === plainLengths[i]
      if (!isSame) return false
    }
    return true
  }
}
