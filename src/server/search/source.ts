import type { Cancellable } from '#base'
import type { Tree } from '#repository'
import type { RecoveryPoint } from './recovery-points.ts'

/** A snapshot as a source tells of it. */
export type SnapshotToIndex = Omit<RecoveryPoint, 'isWhole' | 'nanoseconds'>

/** What an index is made from. */
export interface SnapshotSource {
  /** Ids of all snapshots. */
  list(options: Cancellable): Promise<ReadonlySet<string>>
  /** Snapshots by their ids; without those that have gone. */
  load(ids: readonly string[], options: Cancellable): AsyncIterable<SnapshotToIndex | 'damaged'>
  /** After `list` and `load`: how trees are had. Undefined for one that is damaged or not there; anything else that fails is thrown. */
  openTrees(options: Cancellable): Promise<(id: Buffer) => Promise<Tree | undefined>>
  /** Whether a snapshot has been forgotten since it was listed. */
  isGone(id: string, options: Cancellable): Promise<boolean>
}

/**
 * A module that opens a source in the thread that reads it. An open repository cannot be handed to a thread, and reading a
 * million entries in the thread of the API would hold it.
 */
export interface SourceModule {
  /** Address of a module that exports `openForSearch`. */
  readonly module: string
  /** A plain value for it. */
  readonly options: unknown
}

export interface OpenedSource extends AsyncDisposable {
  readonly source: SnapshotSource
}

export type OpenForSearch = (options: unknown, cancel: Cancellable) => Promise<OpenedSource>
