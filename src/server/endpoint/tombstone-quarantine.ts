import { type Cancellable, type Clock, hasCode } from '#base'
import type { Backend, FileRef } from '#backend'
import {
  dayOf,
  inPurgeOrder,
  isOlder,
  type Purged,
  type PurgeOptions,
  type Quarantine,
  type SetAsideFile,
} from './quarantine.ts'
import type { Tombstones } from './tombstones.ts'

export interface TombstoneOptions {
  readonly clock: Clock
  readonly tombstones: Tombstones
}

/**
 * Files that were deleted from a repository behind a backend (S3): they stay where they are, a list on the server says that they
 * count as deleted, and purging deletes them for good.
 *
 * Why not copy them under a prefix: an object store has no move. Every pack of a prune would be read and written again, which
 * takes hours, costs requests and twice the space, and has a moment in which a file is in neither place or in both; a `Backend`
 * stores a repository's files and nothing else; and with object lock the original could not be removed anyway. A list costs a
 * line a file. If it is lost, nothing is: packs are found again by the next prune, as packs that nobody needs. Whoever opens the
 * bucket with stock restic sees what is set aside as if it had not been deleted, whole until it is purged: snapshots first,
 * then what they need.
 */
export class TombstoneQuarantine implements Quarantine {
  readonly #backend: Backend
  readonly #clock: Clock
  readonly #tombstones: Tombstones

  constructor(backend: Backend, { clock, tombstones }: TombstoneOptions) {
    this.#backend = backend
    this.#clock = clock
    this.#tombstones = tombstones
  }

  async take(file: FileRef, { signal }: Cancellable = {}): Promise<void> {
    if (this.hides(file)) return
    const size = await this.#backend.size(file, { signal })
    if (size !== undefined) await this.#tombstones.add({ file, size, day: dayOf(this.#clock.now()) })
  }

  hides(file: FileRef): boolean {
    return this.#tombstones.has(file)
  }

  async reveal(file: FileRef): Promise<void> {
    if (this.hides(file)) await this.#tombstones.remove([file])
  }

  async *list({ signal }: Cancellable = {}): AsyncIterable<SetAsideFile> {
    for (const one of this.#tombstones.all()) {
      signal?.throwIfAborted()
      yield one
    }
  }

  async putBack(files: readonly SetAsideFile[], { signal }: Cancellable = {}): Promise<void> {
    signal?.throwIfAborted()
    await this.#tombstones.remove(files.map(({ file }) => file)) // all at once: no order to keep
  }

  async purge(olderThan: number, { signal, mayDelete }: PurgeOptions = {}): Promise<Purged> {
    const now = this.#clock.now()
    const gone: SetAsideFile[] = []
    try {
      for (const one of inPurgeOrder(this.#tombstones.all().filter(({ day }) => isOlder(day, { olderThan, now })))) {
        signal?.throwIfAborted()
        await mayDelete?.()
        await this.#tombstones.reloadOne(one.file) // another node may have put it back since
        if (this.hides(one.file) && (await this.#deleteForGood(one.file, { signal }))) gone.push(one)
      }
    } finally {
      await this.#tombstones.remove(gone.map(({ file }) => file))
    }
    return { files: gone.length, bytes: gone.reduce((sum, { size }) => sum + size, 0) }
  }

  /** False for what the bucket holds until a date of its own: it stays on the list and is tried again. */
  async #deleteForGood(file: FileRef, options: Cancellable): Promise<boolean> {
    try {
      await this.#backend.delete(file, options)
      return true
    } catch (thrown) {
      if (hasCode(thrown, 'S3_OBJECT_LOCKED')) return false
      throw thrown
    }
  }
}
