/** Memory that is used again and again, and grows when more is needed. What was in it is lost then. */
export class Room {
  #memory: Buffer = Buffer.alloc(0)

  /** All of it: as much as the largest `take` so far, or more. */
  get memory(): Buffer {
    return this.#memory
  }

  /** At least so many bytes, from the start. */
  take(bytes: number): Buffer {
    // An eighth more: what comes next is often a little longer.
    if (bytes > this.#memory.length) this.#memory = Buffer.allocUnsafeSlow(bytes + (bytes >>> 3))
    return this.#memory
  }
}
