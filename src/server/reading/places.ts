import { ReadingError } from './errors.ts'

/** So many of something at once, and no more: whoever comes then is told to come again. */
export class Places {
  readonly #what: string
  #free: number

  /** @param what as it stands in "too many … are under way" */
  constructor(most: number, what: string) {
    this.#free = most
    this.#what = what
  }

  /** Throws `READING_BUSY`. */
  take(): Disposable {
    if (this.#free === 0) throw new ReadingError('READING_BUSY', { what: this.#what, transient: true })
    this.#free--
    let isHeld = true
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#free++
        isHeld = false
      },
    }
  }
}
