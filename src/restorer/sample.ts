import { createHash } from 'node:crypto'

export interface SampledFile {
  readonly path: Buffer
  readonly bytes: number
}

export interface SampleLimits {
  /** The same seed chooses the same files, in whatever order they come. */
  readonly seed: string
  readonly mostFiles: number
  /** Of all chosen files together. A file that is larger is never chosen. */
  readonly mostBytes: number
}

/** A random sample of files, of which no more is kept than what may be chosen. */
export class RandomSample {
  readonly #limits: SampleLimits
  /** By their lots, the smallest first. */
  readonly #drawn: (SampledFile & { readonly lot: number })[] = []
  #offered = 0

  constructor(limits: SampleLimits) {
    this.#limits = limits
  }

  /** Files that were offered. */
  get offered(): number {
    return this.#offered
  }

  offer(path: Buffer, bytes: number): void {
    const { seed, mostFiles, mostBytes } = this.#limits
    this.#offered++
    if (bytes > mostBytes) return
    const lot = createHash('sha256').update(seed).update('\0').update(path).digest().readUIntBE(0, 6)
    const isFull = this.#drawn.length >= mostFiles
    if (isFull && lot >= (this.#drawn.at(-1)?.lot ?? 0)) return
    const at = this.#drawn.findIndex((drawn) => drawn.lot > lot)
    this.#drawn.splice(at < 0 ? this.#drawn.length : at, 0, { path: Buffer.from(path), bytes, lot })
    if (isFull) this.#drawn.pop()
  }

  /** What was chosen, by its lots: those that no longer fit are left out. */
  chosen(): SampledFile[] {
    let left = this.#limits.mostBytes
    return this.#drawn.flatMap(({ path, bytes }) => {
      if (bytes > left) return []
      left -= bytes
      return [{ path, bytes }]
    })
  }
}
