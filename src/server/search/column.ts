/** Typed arrays that grow: millions of numbers with nothing around them, which the garbage collector never looks at. */

type Numbers = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>

export class Column<Values extends Numbers> {
  /** At least `length` values; another array after each growth. */
  values: Values
  length = 0
  readonly #create: (length: number) => Values

  constructor(create: (length: number) => Values) {
    this.#create = create
    this.values = create(0)
  }

  push(value: number): void {
    if (this.length === this.values.length) this.reserve(1)
    this.values[this.length++] = value
  }

  /** Makes room for `more` values; when it has to move, for a quarter more than there are, so that growing stays cheap. */
  reserve(more: number): void {
    const needed = this.length + more
    if (needed > this.values.length) this.#move(Math.max(needed, Math.ceil(this.length * 1.25), 64))
  }

  /** Makes room for exactly so many in all: for what is loaded and hardly grows. */
  reserveExactly(all: number): void {
    if (all > this.values.length) this.#move(all)
  }

  /** The memory of the next `count` values, which are to be written there. */
  extend(count: number): Uint8Array {
    this.reserve(count)
    const { buffer, byteOffset, BYTES_PER_ELEMENT: size } = this.values
    const bytes = new Uint8Array(buffer, byteOffset + this.length * size, count * size)
    this.length += count
    return bytes
  }

  /** The bytes of the values from `from` on. */
  bytesFrom(from: number): Uint8Array {
    const { buffer, byteOffset, BYTES_PER_ELEMENT: size } = this.values
    return new Uint8Array(buffer, byteOffset + from * size, (this.length - from) * size)
  }

  get memory(): number {
    return this.values.byteLength
  }

  /** Gives the memory back at once: hundreds of megabytes that wait for the garbage collector are hundreds too many. */
  release(): void {
    this.values.buffer.transfer(0)
    this.values = this.#create(0)
    this.length = 0
  }

  #move(capacity: number): void {
    const old = this.values
    this.values = this.#create(capacity)
    this.values.set(old.subarray(0, this.length))
    old.buffer.transfer(0)
  }
}

export const bytesColumn = () => new Column((length) => new Uint8Array(length))
export const wordsColumn = () => new Column((length) => new Uint32Array(length))
export const doublesColumn = () => new Column((length) => new Float64Array(length))
