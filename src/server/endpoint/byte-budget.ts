/** So many bytes at once; who comes when they are taken waits in the order of coming. */
export class ByteBudget {
  readonly #total: number
  #taken = 0
  readonly #waiting: { readonly bytes: number; readonly start: () => void }[] = []

  constructor(total: number) {
    this.#total = total
  }

  /** What is larger than the whole budget takes all of it. */
  async take(bytes: number): Promise<Disposable> {
    const share = Math.min(bytes, this.#total)
    if (this.#waiting.length > 0 || this.#taken + share > this.#total) {
      await new Promise<void>((start) => this.#waiting.push({ bytes: share, start }))
    } else this.#taken += share
    let held = true
    return {
      [Symbol.dispose]: () => {
        if (held) this.#giveBack(share)
        held = false
      },
    }
  }

  #giveBack(bytes: number): void {
    this.#taken -= bytes
    for (let next = this.#waiting[0]; next && this.#taken + next.bytes <= this.#total; next = this.#waiting[0]) {
      this.#taken += next.bytes
      this.#waiting.shift()
      next.start()
    }
  }
}
