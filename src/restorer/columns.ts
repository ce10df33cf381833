/**
 * Lists of millions of small things without an object for each: a million entries of a plan take some ten megabytes
 * instead of hundreds.
 */

type Numbers = Uint8Array | Uint32Array | Float64Array

class NumberColumn<Array extends Numbers> {
  #values: Array
  #length = 0
  readonly #make: (length: number) => Array

  constructor(make: (length: number) => Array) {
    this.#make = make
    this.#values = make(1024)
  }

  get length(): number {
    return this.#length
  }

  push(value: number): number {
    if (this.#length === this.#values.length) {
      const larger = this.#make(this.#length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#length] = value
    return this.#length++
  }

  get(index: number): number {
    return this.#values[index] as number
  }

  set(index: number, value: number): void {
    this.#values[index] = value
  }
}

export const bytes = () => new NumberColumn((length) => new Uint8Array(length))
export const counts = () => new NumberColumn((length) => new Uint32Array(length))
/** Whole numbers up to 2^53. */
export const sizes = () => new NumberColumn((length) => new Float64Array(length))

/** Many short strings of bytes, one after the other. */
export class BytesColumn {
  #bytes = Buffer.allocUnsafeSlow(16 * 1024)
  #used = 0
  readonly #starts = sizes()

  push(value: Uint8Array): number {
    if (this.#used + value.length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#used + value.length))
      this.#bytes.copy(larger, 0, 0, this.#used)
      this.#bytes = larger
    }
    this.#bytes.set(value, this.#used)
    const index = this.#starts.push(this.#used)
    this.#used += value.length
    return index
  }

  /** A view: valid until the next `push`. */
  get(index: number): Buffer {
    const end = index + 1 < this.#starts.length ? this.#starts.get(index + 1) : this.#used
    return this.#bytes.subarray(this.#starts.get(index), end)
  }
}
