/**
 * What the main thread and the worker threads of one repository share, besides the index: buffers that packs are built
 * in, a flag that stops everything, and counters for the display.
 */

/** Fields of the control block, 32-bit each. */
const stopField = 0
const releasedField = 1
const threadsField = 2

export interface SharedControl {
  readonly flags: SharedArrayBuffer
  /** Bytes read so far, one 64-bit float for each thread: only its thread writes it, and a display may read it late. */
  readonly bytesRead: SharedArrayBuffer
}

export function createControl(threads: number): SharedControl {
  return { flags: new SharedArrayBuffer(12), bytesRead: new SharedArrayBuffer(8 * threads) }
}

/** Asks every thread to end what it does, soon. */
export function stopThreads({ flags }: SharedControl): void {
  const fields = new Int32Array(flags)
  Atomics.store(fields, stopField, 1)
  Atomics.notify(fields, releasedField)
}

export function isStopped({ flags }: SharedControl): boolean {
  return Atomics.load(new Int32Array(flags), stopField) === 1
}

/** In a thread, once: its number among the threads, from 0. */
export function takeThreadNumber({ flags }: SharedControl): number {
  return Atomics.add(new Int32Array(flags), threadsField, 1)
}

export function totalBytesRead({ bytesRead }: SharedControl): number {
  return new Float64Array(bytesRead).reduce((sum, bytes) => sum + bytes, 0)
}

/** One buffer that packs are built in. `busy` is 1 while a pack in it waits to be written. */
export interface SharedPackBuffer {
  readonly bytes: SharedArrayBuffer
  readonly busy: SharedArrayBuffer
}

/** Gives a buffer back to the thread that it belongs to, when its pack has been written. */
export function releasePackBuffer({ busy }: SharedPackBuffer, { flags }: SharedControl): void {
  Atomics.store(new Int32Array(busy), 0, 0)
  const fields = new Int32Array(flags)
  Atomics.add(fields, releasedField, 1)
  Atomics.notify(fields, releasedField)
}

/** A thread's own buffers. Their number is the bound on what waits to be written: `take` waits for one to be released. */
export class PackBufferPool {
  readonly #control: SharedControl
  readonly #most: number
  readonly #all: SharedPackBuffer[] = []
  readonly #fields: Int32Array

  constructor(control: SharedControl, most: number) {
    this.#control = control
    this.#most = most
    this.#fields = new Int32Array(control.flags)
  }

  /** Throws `STOPPED` when everything is being stopped. */
  take(bytes: number): SharedPackBuffer {
    for (;;) {
      const released = Atomics.load(this.#fields, releasedField)
      if (isStopped(this.#control)) throw new Stopped()
      const free = this.#free(bytes)
      if (free) {
        new Int32Array(free.busy)[0] = 1
        return free
      }
      Atomics.wait(this.#fields, releasedField, released)
    }
  }

  #free(bytes: number): SharedPackBuffer | undefined {
    const free = this.#all.find((buffer) => Atomics.load(new Int32Array(buffer.busy), 0) === 0)
    if (free && free.bytes.byteLength >= bytes) return free
    // Larger than usual: the old one is dropped, so that the number stays.
    if (free) this.#all.splice(this.#all.indexOf(free), 1)
    if (this.#all.length >= this.#most) return undefined
    const fresh = { bytes: new SharedArrayBuffer(bytes), busy: new SharedArrayBuffer(4) }
    this.#all.push(fresh)
    return fresh
  }
}

/** Thrown inside a thread when everything is being stopped; the reason is the main thread's to tell. */
export class Stopped extends Error {
  readonly code = 'STOPPED'
  constructor() {
    super('stopped')
  }
}
