/** A set of small numbers (entries of an index): one bit each. */
export class Bitmap {
  readonly size: number
  readonly #bits: Uint8Array
  #count = 0

  /** For the numbers from 0 to `size` - 1. */
  constructor(size: number) {
    this.size = size
    this.#bits = new Uint8Array((size + 7) >> 3)
  }

  /** How many numbers are in the set. */
  get count(): number {
    return this.#count
  }

  has(number: number): boolean {
    return ((this.#bits[number >> 3] ?? 0) & (1 << (number & 7))) !== 0
  }

  /** Returns false when it was in the set already. */
  add(number: number): boolean {
    if (number < 0 || number >= this.size) throw new RangeError(`${number} is not below ${this.size}`)
    if (this.has(number)) return false
    this.#bits[number >> 3] = (this.#bits[number >> 3] as number) | (1 << (number & 7))
    this.#count++
    return true
  }

  delete(number: number): void {
    if (!this.has(number)) return
    this.#bits[number >> 3] = (this.#bits[number >> 3] as number) & ~(1 << (number & 7))
    this.#count--
  }

  /** The numbers in the set, ascending. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let byte = 0; byte < this.#bits.length; byte++) {
      if (this.#bits[byte] === 0) continue
      for (let number = byte << 3; number < (byte + 1) << 3; number++) if (this.has(number)) yield number
    }
  }
}
