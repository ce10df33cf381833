import type { Cancellable } from '#base'
import type { Repository } from '#repository'

/**
 * Where the index of a repository is made from: a module that opens the repository in the thread that reads it. An open
 * repository cannot be handed to a thread, and reading a million entries in the thread of the API would hold it.
 */
export interface RepositorySource {
  /** Address of a module that exports `openForSearch`. */
  readonly module: string
  /** A plain value for it. */
  readonly options: unknown
}

export interface OpenedForSearch extends AsyncDisposable {
  readonly repository: Repository
}

/** Nothing is written to the repository. Whoever prunes does so at another time, or an update may find trees gone. */
export type OpenForSearch = (options: unknown, cancel: Cancellable) => Promise<OpenedForSearch>
