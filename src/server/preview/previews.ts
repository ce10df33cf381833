import { Semaphore } from '#base'
import type { Cancellable } from '#base'
import { PreviewError } from './errors.ts'
import { preview } from './preview.ts'
import type { FileToPreview, MadePreview, PreviewOptions } from './preview.ts'

export interface PreviewsOptions extends Pick<PreviewOptions, 'limits' | 'clock'> {
  /** Previews that are made at once. Default 2: each takes a processor and up to `memoryBytes`. */
  readonly atOnce?: number
  /** Previews that may wait for their turn. Default 20. */
  readonly waiting?: number
}

/** The previews that a server makes: a few at once, others wait, and all end with it. */
export class Previews implements AsyncDisposable {
  readonly #options: PreviewsOptions
  readonly #turns: Semaphore
  readonly #most: number
  readonly #closing = new AbortController()
  readonly #running = new Set<Promise<unknown>>()

  constructor(options: PreviewsOptions = {}) {
    const { atOnce = 2, waiting = 20 } = options
    this.#options = options
    this.#turns = new Semaphore(atOnce)
    this.#most = atOnce + waiting
  }

  /** As `preview`; throws PREVIEWS_BUSY when too many wait already. */
  async preview(file: FileToPreview, { signal }: Cancellable = {}): Promise<MadePreview> {
    if (this.#running.size >= this.#most) throw new PreviewError('PREVIEWS_BUSY', { transient: true })
    const made = this.#inTurn(file, AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]))
    this.#running.add(made)
    try {
      return await made
    } finally {
      this.#running.delete(made)
    }
  }

  async #inTurn(file: FileToPreview, signal: AbortSignal): Promise<MadePreview> {
    const { limits, clock } = this.#options
    using _ = await this.#turns.acquire()
    return await preview(file, { ...(limits && { limits }), ...(clock && { clock }), signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error('The server is closing.'))
    await Promise.allSettled(this.#running)
  }
}
