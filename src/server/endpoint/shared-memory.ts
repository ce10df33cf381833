/**
 * Memory that all transfers under way share: each takes pieces of a size that gets smaller the more there are. Nobody waits for
 * memory (a slow line would hold up the fast ones), and a thousand transfers have no more than a few.
 */
export class SharedMemory {
  readonly #total: number
  readonly #least: number
  readonly #most: number
  #sharers = 0

  /** Bytes: for all together, and of a piece at least and at most. */
  constructor({ total, least, most }: { readonly total: number; readonly least: number; readonly most: number }) {
    this.#total = total
    this.#least = least
    this.#most = most
  }

  /** One more transfer, until it is disposed of. */
  enter(): Disposable {
    this.#sharers++
    let inside = true
    return {
      [Symbol.dispose]: () => {
        if (inside) this.#sharers--
        inside = false
      },
    }
  }

  /** Bytes of the next piece. */
  get piece(): number {
    const share = Math.floor(this.#total / Math.max(1, this.#sharers))
    return Math.max(this.#least, Math.min(this.#most, share))
  }
}
