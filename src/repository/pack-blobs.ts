import type { PackBlobs } from './format/pack-header.ts'

/** Collects what lies in a pack, for an index file. */
export class PackBlobsBuilder {
  #count = 0
  #room = 16
  #ids = new Uint8Array(this.#room * 32)
  #types = new Uint8Array(this.#room)
  /** Three numbers a blob: offset, length, plain length. */
  #numbers = new Uint32Array(this.#room * 3)

  /** The id is read from `ids` at `at`. */
  add({ type, ids, at, offset, length, plainLength }: BuiltBlob): void {
    if (this.#count === this.#room) this.#grow()
    const i = this.#count++
    this.#ids.set(ids.subarray(at, at + 32), i * 32)
    this.#types[i] = type
    this.#numbers.set([offset, length, plainLength], i * 3)
  }

  build(): PackBlobs {
    const count = this.#count
    const column = (at: number) => Uint32Array.from({ length: count }, (_, i) => this.#numbers[i * 3 + at] as number)
    return {
      count,
      ids: this.#ids.slice(0, count * 32),
      types: this.#types.slice(0, count),
      offsets: column(0),
      lengths: column(1),
      plainLengths: column(2),
    }
  }

  #grow(): void {
    this.#room *= 2
    const [ids, types, numbers] = [this.#ids, this.#types, this.#numbers]
    this.#ids = new Uint8Array(this.#room * 32)
    this.#ids.set(ids)
    this.#types = new Uint8Array(this.#room)
    this.#types.set(types)
    this.#numbers = new Uint32Array(this.#room * 3)
    this.#numbers.set(numbers)
  }
}

export interface BuiltBlob {
  /** `blobTypes`: 1 for a tree, 0 for data. */
  readonly type: number
  readonly ids: Uint8Array
  readonly at: number
  readonly offset: number
  readonly length: number
  readonly plainLength: number
}
