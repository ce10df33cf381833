import { Semaphore, UnderstudyError, messageOf } from '#base'
import type { Cancellable } from '#base'
import type { Backend } from '#backend'
import { RepositoryError } from './errors.ts'
import type { SealedPack } from './packer.ts'

/** What happens with packs on their way to the storage. */
export interface PackUploaderOptions extends Cancellable {
  readonly backend: Backend
  /** Nothing is written before. */
  readonly ready?: Promise<void> | undefined
  /** Called when a pack is durable: from now on an index may name it. */
  readonly onStored: (pack: SealedPack) => void
  /** Called once, at the first pack that cannot be stored. */
  readonly onFailure: (error: Error) => void
}

/** Writes packs to the storage, several at once. After a failure nothing is written any more. */
export class PackUploader {
  readonly #options: PackUploaderOptions
  readonly #places: Semaphore
  readonly #running = new Set<Promise<void>>()
  #failure: Error | undefined

  constructor(options: PackUploaderOptions) {
    this.#options = options
    this.#places = new Semaphore(options.backend.connections)
  }

  /** Takes the pack at once; `release` is called when its memory is free again, whatever became of it. */
  add(pack: SealedPack, release: () => void): void {
    const upload = this.#upload(pack).finally(() => {
      release()
      this.#running.delete(upload)
    })
    this.#running.add(upload)
  }

  /** Waits until at most `most` packs are under way. Throws what went wrong with any pack. */
  async drain(most = 0): Promise<void> {
    while (this.#running.size > most) await Promise.race(this.#running)
    if (this.#failure) throw this.#failure
  }

  async #upload(pack: SealedPack): Promise<void> {
    using _ = await this.#places.acquire()
    if (this.#failure) return
    const { backend, ready, signal, onStored } = this.#options
    const name = pack.name.toString('hex')
    try {
      await ready
      await backend.write({ type: 'pack', name }, pack.bytes, { signal })
      onStored(pack)
    } catch (cause) {
      this.#fail(signal?.aborted ? (signal.reason as Error) : notSaved(name, cause))
    }
  }

  #fail(error: Error): void {
    if (this.#failure) return
    this.#failure = error
    this.#options.onFailure(error)
  }
}

// What the storage says of itself (it is full, say) is clearer than any sentence around it.
function notSaved(pack: string, cause: unknown): Error {
  if (cause instanceof UnderstudyError) return cause
  return new RepositoryError('PACK_NOT_SAVED', { pack: pack.slice(0, 10), reason: messageOf(cause), cause })
}
