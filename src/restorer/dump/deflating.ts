import { once } from 'node:events'
import { createDeflateRaw } from 'node:zlib'

/** Compresses a stream of pieces; whoever gives one waits until its compressed bytes are there. */
export class Deflating implements Disposable {
  readonly #deflate = createDeflateRaw({ chunkSize: 256 << 10 })
  #ready: Buffer[] = []

  constructor() {
    this.#deflate.on('data', (bytes: Buffer) => this.#ready.push(bytes))
  }

  /** What came out by now. */
  async add(piece: Uint8Array): Promise<Buffer[]> {
    await new Promise<void>((resolve, reject) => {
      this.#deflate.write(piece, (error) => (error ? reject(error) : resolve()))
    })
    return this.#take()
  }

  /** The rest. */
  async finish(): Promise<Buffer[]> {
    const ended = once(this.#deflate, 'end')
    this.#deflate.end()
    await ended
    return this.#take()
  }

  [Symbol.dispose](): void {
    this.#deflate.destroy()
  }

  #take(): Buffer[] {
    return this.#ready.splice(0)
  }
}
