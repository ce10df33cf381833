/** So many bytes at once. */
export class ByteBudget {
  readonly #total: number
  #taken = 0
  readonly #waiting: { readonly bytes: number; readonly start: () => void }[] = []

  constructor(total: number) {
    this.#total = total
  }

  /** False when there is no room. Who is let in gives them back with `give`. */
  tryTake(bytes: number): boolean {
    if (this.#waiting.length > 0 || this.#taken + bytes > this.#total) return false
    this.#taken += bytes
    return true
  }

  /** Who comes when there is no room waits, in the order of coming. What is larger than the whole budget takes all of it. */
  async take(bytes: number): Promise<Disposable> {
    const share = Math.min(bytes, this.#total)
    if (!this.tryTake(share)) await new Promise<void>((start) => this.#waiting.push({ bytes: share, start }))
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (held) this.give(share)
        held = false
      },
    }
  }

  give(bytes: number): void {
    this.#taken -= bytes
    for (let next = this.#waiting[0]; next && this.#taken + next.bytes <= this.#total; next = this.#waiting[0]) {
      this.#taken += next.bytes
      this.#waiting.shift()
      next.start()
    }
  }
}
