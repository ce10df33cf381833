import { messageOf, throwIfBug } from '#base'
import type { BlobCodec } from '../blob-codec.ts'
import type { BlobIndex } from '../blob-index.ts'
import { sealOverhead } from '../format/crypto.ts'
import { hashLength } from '../format/hash.ts'
import { paddingRoom } from '../format/hash-pairs.ts'
import type { PairHasher, Span } from '../format/hash-pairs.ts'
import { Room } from './room.ts'

/** Opened blobs are hashed when there are so many bytes of them: they still lie in the processor's cache. */
const batchBytes = 512 << 10

type OnDamaged = (entry: number, reason: string) => void

/** Opens many blobs and holds their hashes against their ids, in a thread. */
export class BlobProver {
  readonly #codec: BlobCodec
  readonly #index: BlobIndex
  readonly #hashes: PairHasher
  readonly #plain = new Room()
  readonly #id = Buffer.alloc(hashLength)
  #results = Buffer.alloc(64 * hashLength)
  /** What lies opened in the memory. */
  #entries: number[] = []
  #spans: Span[] = []
  #used = 0

  constructor(codec: BlobCodec, index: BlobIndex, hashes: PairHasher) {
    this.#codec = codec
    this.#index = index
    this.#hashes = hashes
  }

  /** Tells of each blob that is not what its id says. */
  prove(entries: Uint32Array, sealedOf: (entry: number) => Uint8Array, damaged: OnDamaged): void {
    for (const entry of entries) {
      try {
        this.#open(entry, sealedOf(entry), damaged)
      } catch (thrown) {
        throwIfBug(thrown)
        damaged(entry, messageOf(thrown))
      }
    }
    this.#compare(damaged)
  }

  #open(entry: number, sealed: Uint8Array, damaged: OnDamaged): void {
    const plainLength = this.#index.uncompressedLengthOf(entry)
    const needed = (plainLength || Math.max(0, sealed.length - sealOverhead)) + paddingRoom
    if (this.#used + needed > batchBytes) this.#compare(damaged)
    const offset = this.#used
    const plain = this.#plain.take(Math.max(offset + needed, batchBytes))
    const length = this.#codec.openInto(sealed, plainLength, plain, offset)
    this.#entries.push(entry)
    this.#spans.push({ offset, length })
    this.#used = offset + length + paddingRoom
  }

  #compare(damaged: OnDamaged): void {
    const bytes = this.#entries.length * hashLength
    if (bytes > this.#results.length) this.#results = Buffer.alloc(bytes)
    this.#hashes.hashAll(this.#plain.memory, this.#spans, this.#results)
    for (const [i, entry] of this.#entries.entries()) {
      this.#index.copyId(entry, this.#id, 0)
      const isRight = this.#results.compare(this.#id, 0, hashLength, i * hashLength, (i + 1) * hashLength) === 0
      if (!isRight) damaged(entry, 'its content is not what its id says')
    }
    ;[this.#entries, this.#spans, this.#used] = [[], [], 0]
  }
}
