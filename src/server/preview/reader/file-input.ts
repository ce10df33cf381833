import type { Order } from '../answer.ts'
import { Refused } from './refused.ts'

/** A file as it comes in, from its beginning; no more of it is taken than is asked for. */
export interface FileInput extends Order {
  /** The first `count` bytes, or fewer where the file ends before. */
  first(count: number): Promise<Buffer>
  /** All of it, or refuses one that is larger. */
  whole(largest: number): Promise<Buffer>
}

/** Takes the order from the stream; what follows it is the file. */
export async function openInput(stream: AsyncIterable<Buffer>): Promise<FileInput> {
  const bytes = new Gathered(stream[Symbol.asyncIterator]())
  const order = JSON.parse((await bytes.line()).toString('utf8')) as Order
  return {
    ...order,
    first: async (count) => await bytes.first(count),
    whole: async (largest) => {
      if (order.size > largest) throw new Refused('PREVIEW_FILE_TOO_LARGE')
      const all = await bytes.first(largest + 1)
      if (all.length > largest) throw new Refused('PREVIEW_FILE_TOO_LARGE')
      return all
    },
  }
}

class Gathered {
  readonly #chunks: AsyncIterator<Buffer>
  #parts: Buffer[] = []
  #length = 0
  #isOver = false

  constructor(chunks: AsyncIterator<Buffer>) {
    this.#chunks = chunks
  }

  async first(count: number): Promise<Buffer> {
    while (this.#length < count && !this.#isOver) await this.#more()
    return this.#joined().subarray(0, count)
  }

  /** Takes the first line off. */
  async line(): Promise<Buffer> {
    for (;;) {
      const bytes = this.#joined()
      const end = bytes.indexOf('\n')
      if (end >= 0) {
        this.#set(bytes.subarray(end + 1))
        return bytes.subarray(0, end)
      }
      if (this.#isOver) throw new Error('no order came')
      await this.#more()
    }
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#chunks.next()
    if (done) this.#isOver = true
    else {
      this.#parts.push(value)
      this.#length += value.length
    }
  }

  #joined(): Buffer {
    const joined = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts)
    this.#set(joined)
    return joined
  }

  #set(bytes: Buffer): void {
    this.#parts = [bytes]
    this.#length = bytes.length
  }
}
