import { UnderstudyError, messageOf, systemClock } from '#base'
import type { Cancellable, Clock } from '#base'
import { RepositoryError } from './errors.ts'
import { encodeIndexFile } from './format/index-file.ts'
import type { SealedPack } from './packer.ts'
import type { IndexedRepository } from './repository.ts'
import { freeLarge } from './scratch.ts'

/** An index is saved when it has this many blobs or is this old: that bounds what a crash loses (restic does the same). */
const mostBlobs = 50_000
const oldest = 10 * 60_000

export interface IndexSaverOptions {
  /** Saves nothing (`--dry-run`). */
  readonly discard?: boolean
  readonly clock?: Clock
  /**
   * Throws when the lock is gone: another program may have deleted packs that no index named yet, and an index must not
   * name what is not there.
   */
  readonly guard?: (() => Promise<void>) | undefined
}

/** Names durable packs in index files. A pack must never be named before it is durable. */
export class IndexSaver {
  /** Names of the index files saved so far. */
  readonly saved = new Set<string>()
  readonly #repository: IndexedRepository
  readonly #clock: Clock
  readonly #discard: boolean
  #packs: SealedPack[] = []
  #blobs = 0
  #since = 0
  #saving: Promise<void> = Promise.resolve()
  #failure: Error | undefined
  readonly #guard: () => Promise<void>

  constructor(repository: IndexedRepository, options: IndexSaverOptions = {}) {
    const { discard = false, clock = systemClock, guard = async () => undefined } = options
    this.#repository = repository
    this.#discard = discard
    this.#clock = clock
    this.#guard = guard
  }

  /** A pack is durable: it goes into the index in memory, and into the next index file. */
  add(pack: SealedPack): void {
    this.#settle(pack)
    // The pack's own bytes are no longer needed, and their memory belongs to the thread that built it.
    this.#packs.push({ ...pack, bytes: Buffer.alloc(0) })
    if (this.#blobs === 0) this.#since = this.#clock.monotonic()
    this.#blobs += pack.blobs.count
    const due = this.#blobs >= mostBlobs || this.#clock.monotonic() - this.#since > oldest
    if (due) this.#saveSoon()
  }

  /** Saves what is left. Throws what went wrong with any index. After an abort it can be called again. */
  async flush({ signal }: Cancellable = {}): Promise<void> {
    this.#saveSoon({ signal })
    await this.#saving
    if (this.#failure) throw this.#failure
    if (this.#packs.length > 0) signal?.throwIfAborted()
  }

  #settle({ name, blobs }: SealedPack): void {
    const { index } = this.#repository
    const pack = index.addPack(name)
    for (let i = 0; i < blobs.count; i++) {
      const [offset, length] = [blobs.offsets[i] as number, blobs.lengths[i] as number]
      index.settle(blobs.entries[i] as number, { pack, offset, length, plainLength: blobs.plainLengths[i] as number })
    }
  }

  #saveSoon(options: Cancellable = {}): void {
    const packs = this.#packs
    if (packs.length === 0) return
    this.#packs = []
    this.#blobs = 0
    this.#saving = this.#saving.then(() => this.#save(packs, options))
  }

  async #save(packs: readonly SealedPack[], { signal }: Cancellable): Promise<void> {
    if (this.#failure || this.#discard) return
    try {
      await this.#guard()
      const json = encodeIndexFile({ packs: packs.map(({ name, blobs }) => ({ id: name, blobs })) })
      const name = await this.#repository.saveFile('index', json, { signal }).finally(() => freeLarge(json))
      await this.#keepOrDelete(name)
      this.saved.add(name)
    } catch (cause) {
      if (signal?.aborted) this.#packs.unshift(...packs)
      else this.#failure = notSaved(cause)
    }
  }

  // A machine may sleep at any moment, between the guard and the write too: then others have pruned what this index names,
  // and every backup to come would count on it.
  async #keepOrDelete(name: string): Promise<void> {
    try {
      await this.#guard()
    } catch (thrown) {
      await this.#repository.backend.delete({ type: 'index', name })
      throw thrown
    }
  }
}

// What the storage or the lock says of itself is clearer than any sentence around it.
function notSaved(cause: unknown): Error {
  if (cause instanceof UnderstudyError) return cause
  return new RepositoryError('INDEX_NOT_SAVED', { reason: messageOf(cause), cause })
}
