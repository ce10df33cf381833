/** How much text a preview may still take: what comes out of a small file can be without end. */
export class Room {
  #left: number
  #isCutOff = false

  constructor(characters: number) {
    this.#left = characters
  }

  get isFull(): boolean {
    return this.#left === 0
  }

  /** True when something did not fit. */
  get isCutOff(): boolean {
    return this.#isCutOff
  }

  /** As much of the text as fits. */
  take(text: string, most: number = Infinity): string {
    const length = Math.min(text.length, this.#left, most)
    if (length < text.length) this.#isCutOff = true
    this.#left -= length
    return text.slice(0, length).toWellFormed()
  }
}
