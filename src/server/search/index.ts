/**
 * Search over all recovery points of all machines.
 *
 * Each repository has an *index*: its *paths*, and for each the *rows*, versions with the run of recovery points in which they
 * were there. It is made from the repository's trees, lies sealed on the disk as *segments* named by a *manifest*, and can be
 * made anew from the repository at any time. Begin reading at `table.ts`, then `enter-snapshot.ts` (how an index grows),
 * `store.ts` (how it is kept) and `find-files.ts` (how it is searched).
 */
export { SearchError, searchErrors } from './errors.ts'
export { repositoryAt } from './open-for-search.ts'
export type { RepositoryPlace } from './open-for-search.ts'
export { SearchIndex, openSearchIndex } from './search-index.ts'
export type {
  IndexGenerations,
  SearchCallOptions,
  SearchIndexOptions,
  SearchedRepository,
  UpdateCallOptions,
} from './search-index.ts'
export type { OpenForSearch, OpenedSource, SnapshotSource, SnapshotToIndex, SourceModule } from './source.ts'
export type { RebuildReason, UpdateProgress, UpdateResult } from './update.ts'
