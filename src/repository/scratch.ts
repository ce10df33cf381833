/** Longer needs are rare (chunks are 1 MiB on average, 8 MiB at most): what they take is given back. */
const usual = 2 << 20

/**
 * Memory for one thing at a time, used again and again by one thread. `take` ends the use of what it gave before.
 *
 * What is longer than usual is freed at the next `take` of usual length, and at once: left to the garbage collector it
 * would pile up, because a buffer weighs nothing in its eyes.
 */
export class Scratch {
  #buffer: Buffer<ArrayBuffer>

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes)
  }

  /** A buffer of at least `bytes`, good until the next call. */
  take(bytes: number): Buffer<ArrayBuffer> {
    const held = this.#buffer.length
    if (held >= bytes && (held <= usual || bytes > usual)) return this.#buffer
    free(this.#buffer)
    // Doubled, so that a row of ever larger blobs does not allocate for each.
    return (this.#buffer = Buffer.allocUnsafeSlow(bytes > usual ? bytes : Math.min(usual, Math.max(bytes, held * 2))))
  }
}

/** Frees memory that nobody uses any more, where it is much; the garbage collector would leave megabytes for long. */
export function freeLarge({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > usual) buffer.transfer(0)
}

/** Detached, its memory is free without waiting for the garbage collector. */
function free(buffer: Buffer<ArrayBuffer>): void {
  buffer.buffer.transfer(0)
}
