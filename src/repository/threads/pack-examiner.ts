import { messageOf } from '#base'
import type { BlobCodec } from '../blob-codec.ts'
import type { BlobIndex } from '../blob-index.ts'
import { lengthFieldSize, locatePackHeader, parsePackHeader } from '../format/pack-header.ts'
import type { PackBlobs } from '../format/pack-header.ts'
import type { BlobExaminer } from './blob-examiner.ts'

/** A whole pack, as it was read from the storage. */
export interface ExamineOrder {
  /** 32 bytes. */
  readonly name: Uint8Array
  readonly bytes: Uint8Array
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
  readonly #blobs: BlobExaminer

  constructor(codec: BlobCodec, index: BlobIndex, blobs: BlobExaminer) {
    this.#codec = codec
    this.#index = index
    this.#blobs = blobs
  }

  examine({ name, bytes, entries }: ExamineOrder): Examined {
    const reasons: string[] = []
    const bad: number[] = []
    if (!this.#hasName(name, bytes)) reasons.push('its content is not what its name says')
    let end = 0
    let isContiguous = true
    for (const entry of entries) {
      const offset = this.#index.offsetOf(entry)
      isContiguous &&= offset === end
      end = offset + this.#index.lengthOf(entry)
      const plain = this.#blobs.examine(entry, bytes.subarray(offset, end))
      if (typeof plain !== 'string') continue
      bad.push(entry)
      const id = this.#index.idOf(entry).toString('hex').slice(0, 10)
      reasons.push(`the ${this.#index.typeOf(entry)} blob ${id} is damaged (${plain})`)
    }
    if (!isContiguous) reasons.push('its blobs in the index overlap or leave gaps')
    const header = this.#compareHeader(bytes, entries)
    if (header) reasons.push(header)
    const more = reasons.length - mostReasons
    if (more > 0) reasons.splice(mostReasons, more, `and ${more} more`)
    return { reasons, bad }
  }

  #hasName(name: Uint8Array, bytes: Uint8Array): boolean {
    const hash = Buffer.alloc(32)
    this.#codec.primitives.hasher.sha256(bytes, hash)
    return hash.equals(name)
  }

  #compareHeader(bytes: Uint8Array, entries: Uint32Array): string | undefined {
    try {
      const { start, end } = locatePackHeader(bytes.length, bytes.slice(-lengthFieldSize))
      const header = parsePackHeader(this.#codec.openBytes(bytes.subarray(start, end)), bytes.length)
      return this.#equalsIndex(header, entries) ? undefined : 'its header and the index differ'
    } catch (thrown) {
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
