import {
  lengthWord,
  offsetWord,
  packWord,
  plainWord,
  treeBit,
  idWord,
  wordsPerEntry,
  wordsPerId,
} from './entry-layout.ts'
import { idLength } from './format/ids.ts'
import { blobTypes } from './format/pack-header.ts'
import type { BlobTypeNumber } from './format/pack-header.ts'

/** Packs and their blobs on the way into the index, laid out as it keeps them. A plain value, which threads hand over. */
export interface IndexBatch {
  /** Names of packs, 32 bytes each. */
  readonly packs: Uint8Array<ArrayBuffer>
  /** Entries (`entry-layout.ts`); packs are numbered from 0. */
  readonly entries: Uint32Array<ArrayBuffer>
}

const firstPacks = 64
const firstEntries = 1024

export class IndexBatchBuilder {
  #packs = new Uint8Array(firstPacks * idLength)
  #packCount = 0
  #entries = new Uint32Array(firstEntries * wordsPerEntry)
  #end = 0

  /** The blobs that follow lie in this pack. */
  addPack(name: Uint8Array): void {
    const at = this.#packCount++ * idLength
    if (at === this.#packs.length) this.#packs = new Uint8Array(this.#packs.buffer.transfer(at * 2))
    this.#packs.set(name, at)
  }

  addBlob(type: BlobTypeNumber, id: Uint8Array, offset: number, length: number, plainLength: number): void {
    const at = this.#end
    if (at === this.#entries.length) this.#entries = new Uint32Array(this.#entries.buffer.transfer(at * 8))
    const entries = this.#entries
    for (let i = 0; i < wordsPerId; i++) entries[at + i] = idWord(id, i * 4)
    entries[at + packWord] = (this.#packCount - 1) | (type === blobTypes.tree ? treeBit : 0)
    entries[at + offsetWord] = offset
    entries[at + lengthWord] = length
    entries[at + plainWord] = plainLength
    this.#end = at + wordsPerEntry
  }

  /** What has been added; the builder is empty then. */
  build(): IndexBatch {
    const packs = new Uint8Array(this.#packs.buffer.transfer(this.#packCount * idLength))
    const entries = new Uint32Array(this.#entries.buffer.transfer(this.#end * 4))
    return { packs, entries }
  }
}
