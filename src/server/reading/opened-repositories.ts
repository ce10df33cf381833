import type { Cancellable } from '#base'
import { listIndexFiles, loadIndex } from '#repository'
import type { IndexedRepository } from '#repository'
import type { Services } from '../app/services.ts'
import { openOwnRepository } from '../repositories/open-repository.ts'

/** A repository that somebody reads, with its index. */
export interface HeldRepository extends Disposable {
  readonly repository: IndexedRepository
}

interface Entry {
  readonly loaded: Promise<IndexedRepository>
  users: number
  /** Is closed when nobody uses it any more. */
  isOver: boolean
  rest: NodeJS.Timeout | undefined
}

export interface OpenedRepositoriesOptions {
  /** Repositories that stay open for who comes next. Default 3: the index of a large one takes some 100 MB. */
  readonly most?: number
  /** Milliseconds without a reader after which one is closed. Default: 5 minutes. */
  readonly idle?: number
}

/**
 * Repositories that are kept open while people look around in them: opening one takes a second of scrypt, and its index is
 * read whole. Before each use the list of its index files is looked at: what came since, or was pruned, is never overlooked.
 */
export class OpenedRepositories implements AsyncDisposable {
  readonly #most: number
  readonly #idle: number
  /** By their ids; the one used last is last. */
  readonly #entries = new Map<string, Entry>()

  constructor({ most = 3, idle = 5 * 60_000 }: OpenedRepositoriesOptions = {}) {
    this.#most = most
    this.#idle = idle
  }

  /** Throws what `openOwnRepository` and loading the index throw. */
  async hold(services: Services, id: string, { signal }: Cancellable = {}): Promise<HeldRepository> {
    for (let attempt = 0; ; attempt++) {
      const entry = this.#take(services, id)
      try {
        const repository = await entry.loaded
        signal?.throwIfAborted()
        // What was opened after the call began is new enough, and a machine may be storing all the while.
        const isNew = attempt > 0 || isSame(repository.indexFiles, await listIndexFiles(repository, { signal }))
        if (isNew) return this.#held(entry, id, repository)
        this.#forget(id, entry)
        this.#release(entry, id)
      } catch (thrown) {
        if (signal?.aborted !== true) this.#forget(id, entry)
        this.#release(entry, id)
        throw thrown
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [id, entry] of this.#entries) {
      this.#forget(id, entry)
      await this.#closeIfUnused(entry)
    }
  }

  #take(services: Services, id: string): Entry {
    const known = this.#entries.get(id)
    const entry = known ?? { loaded: load(services, id), users: 0, isOver: false, rest: undefined }
    entry.loaded.catch(() => undefined) // whoever asked for it sees the error
    entry.users++
    clearTimeout(entry.rest)
    this.#entries.delete(id)
    this.#entries.set(id, entry)
    for (const [other, { users }] of this.#entries) {
      if (this.#entries.size <= this.#most) break
      if (users === 0) this.#end(other)
    }
    return entry
  }

  #held(entry: Entry, id: string, repository: IndexedRepository): HeldRepository {
    let isHeld = true
    return {
      repository,
      [Symbol.dispose]: () => {
        if (isHeld) this.#release(entry, id)
        isHeld = false
      },
    }
  }

  #release(entry: Entry, id: string): void {
    entry.users--
    if (entry.users > 0) return
    // It only gives memory back, and keeps no process alive.
    if (!entry.isOver) entry.rest = setTimeout(() => this.#end(id), this.#idle).unref()
    void this.#closeIfUnused(entry)
  }

  #end(id: string): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    this.#forget(id, entry)
    void this.#closeIfUnused(entry)
  }

  #forget(id: string, entry: Entry): void {
    entry.isOver = true
    clearTimeout(entry.rest)
    if (this.#entries.get(id) === entry) this.#entries.delete(id)
  }

  async #closeIfUnused(entry: Entry): Promise<void> {
    if (!entry.isOver || entry.users > 0) return
    const repository = await entry.loaded.catch(() => undefined)
    repository?.[Symbol.dispose]()
  }
}

// Not with the signal of whoever came first: others wait for the same.
async function load(services: Services, id: string): Promise<IndexedRepository> {
  return await loadIndex(await openOwnRepository(services, id))
}

function isSame(loaded: ReadonlySet<string>, listed: ReadonlySet<string>): boolean {
  return loaded.size === listed.size && [...listed].every((name) => loaded.has(name))
}
