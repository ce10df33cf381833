import { mkdir } from 'node:fs/promises'
import { programModule, systemClock } from '#base'
import type { Cancellable, Clock } from '#base'
import type { SearchAnswer, SearchQuery } from '#protocol'
import type { IndexThreadSetup, ProgressPosted, UpdateOrder } from './indexing-thread.ts'
import { LazyThread } from './lazy-thread.ts'
import { checkKey } from './seal.ts'
import type { SearchOrder, SearchThreadSetup } from './search-thread.ts'
import type { SourceModule } from './source.ts'
import { createCancelFlag } from './thread-cancel.ts'
import type { UpdateProgress, UpdateResult } from './update.ts'

/**
 * Where the generation that each index has reached is kept: outside of the folder of the indexes, so that who puts an older
 * copy of that folder in its place is noticed.
 */
export interface IndexGenerations {
  /** 0 for a repository that is not known. */
  load(repository: string): Promise<number>
  save(repository: string, generation: number): Promise<void>
  remove(repository: string): Promise<void>
}

export interface SearchIndexOptions {
  /** 32 bytes that seal everything on the disk. */
  readonly key: Uint8Array
  readonly generations: IndexGenerations
  /** Most bytes of the indexes that are kept in memory for the next search. Default: 512 MiB. */
  readonly memory?: number
  /** Milliseconds without work after which threads end and give all memory back. Default: 10 minutes. */
  readonly idle?: number
  /** Most rows (versions of files) of one index. Default: 20 million, which take 2 to 4 GB while they are added to. */
  readonly mostRows?: number
  readonly clock?: Clock
}

export interface UpdateCallOptions extends Cancellable {
  /** Told how many of the snapshots that came have been read. */
  readonly onProgress?: (progress: UpdateProgress) => void
}

/** A repository that may be searched, and the machine it belongs to. */
export interface SearchedRepository {
  readonly repository: string
  readonly machine: string
}

export interface SearchCallOptions extends Cancellable {
  /** What whoever asks may see. Nothing else is looked at. */
  readonly repositories: readonly SearchedRepository[]
}

const defaults = { memory: 512 << 20, idle: 10 * 60_000, mostRows: 20_000_000 }

/** Opens the search indexes in a folder, which must belong to this process alone. Throws `SEARCH_KEY_INVALID`. */
export async function openSearchIndex(folder: string, options: SearchIndexOptions): Promise<SearchIndex> {
  checkKey(options.key)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return new SearchIndex(folder, options)
}

/**
 * Search over all recovery points of many repositories. All work is done in two threads, one that searches and one that
 * updates, so that neither waits for the other and the thread of the caller for none.
 */
export class SearchIndex implements AsyncDisposable {
  readonly #generations: IndexGenerations
  readonly #searching: LazyThread
  readonly #indexing: LazyThread
  /** Who hears of the progress of each update, by its number. */
  readonly #listeners = new Map<number, (progress: UpdateProgress) => void>()
  #updates = 0

  constructor(folder: string, options: SearchIndexOptions) {
    const { key, generations, clock = systemClock, memory, idle, mostRows } = { ...defaults, ...options }
    this.#generations = generations
    this.#searching = new LazyThread({
      module: programModule('server/search/search-thread'),
      data: { folder, key, memory } satisfies SearchThreadSetup,
      clock,
      idle,
    })
    this.#indexing = new LazyThread({
      module: programModule('server/search/indexing-thread'),
      data: { folder, key, mostRows } satisfies IndexThreadSetup,
      clock,
      idle,
      onMessage: (message) => this.#tell(message as ProgressPosted),
    })
  }

  /**
   * Brings the index of a repository to what the repository holds now: reads what is new, forgets what is forgotten. One that is
   * missing, damaged, rolled back or of another format is made anew. Updates run one after the other.
   *
   * Throws what opening and reading the repository throws, `SEARCH_INDEX_NOT_WRITTEN`, `SEARCH_INDEX_TOO_LARGE`,
   * `SEARCH_UNSTEADY`; then the index is as it was.
   */
  async update(repository: string, source: SourceModule, options: UpdateCallOptions = {}): Promise<UpdateResult> {
    return await this.#update(repository, source, { ...options, rebuild: false })
  }

  /** Makes the index anew from the repository, whatever is there. */
  async rebuild(repository: string, source: SourceModule, options: UpdateCallOptions = {}): Promise<UpdateResult> {
    return await this.#update(repository, source, { ...options, rebuild: true })
  }

  /** Removes the index of a repository. */
  async remove(repository: string): Promise<void> {
    await this.#indexing.run('remove', repository)
    await this.#generations.remove(repository)
  }

  /**
   * Searches the repositories, or those of the machines that the query names. A repository whose index is missing or of no use
   * stands in the answer with the reason. Throws `SEARCH_QUERY_INVALID`, `SEARCH_CURSOR_INVALID`.
   */
  async search(query: SearchQuery, { repositories, signal }: SearchCallOptions): Promise<SearchAnswer> {
    const { machines } = query
    const wanted = repositories.filter(({ machine }) => !machines || machines.includes(machine))
    const scopes = await Promise.all(
      wanted.map(async (scope) => ({ ...scope, atLeast: await this.#generations.load(scope.repository) })),
    )
    const order: SearchOrder = { query, scopes, cancel: createCancelFlag(signal) }
    return await this.#searching.run<SearchAnswer>('search', order, { signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#searching[Symbol.asyncDispose](), this.#indexing[Symbol.asyncDispose]()])
  }

  async #update(
    repository: string,
    source: SourceModule,
    { rebuild, signal, onProgress }: UpdateCallOptions & { readonly rebuild: boolean },
  ): Promise<UpdateResult> {
    const atLeast = await this.#generations.load(repository)
    const number = ++this.#updates
    const order: UpdateOrder = { number, repository, source, atLeast, rebuild, cancel: createCancelFlag(signal) }
    if (onProgress) this.#listeners.set(number, onProgress)
    try {
      const result = await this.#indexing.run<UpdateResult>('update', order, { signal })
      if (result.generation > atLeast) await this.#generations.save(repository, result.generation)
      return result
    } finally {
      this.#listeners.delete(number)
    }
  }

  #tell({ number, ...progress }: ProgressPosted): void {
    this.#listeners.get(number)?.(progress)
  }
}
