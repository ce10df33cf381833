/**
 * The repository: restic's format, opened, read, written, checked and cleaned.
 *
 * A *blob* is a piece of a file (data) or a folder (tree), named for its hash. Blobs lie in *packs*; an *index* says where.
 * A *tree* lists the *nodes* of a folder. A *snapshot* names a root tree and when and where it was made. *Keys* open the
 * repository, *locks* say who works in it.
 */
export { BlobIndex } from './blob-index.ts'
export { changeSnapshots } from './change-snapshot.ts'
export type { ChangeSnapshotsOptions, SnapshotChange } from './change-snapshot.ts'
export { checkRepository } from './check/check.ts'
export type { CheckOptions, CheckResult, CheckStep } from './check/check.ts'
export type { Affected, AffectedPath, CheckNotice, CheckProblem, NoticeKind, ProblemKind } from './check/findings.ts'
export { parseDataSubset } from './check/subset.ts'
export type { DataSubset } from './check/subset.ts'
export type * from './content.ts'
export { RepositoryReader } from './deliver.ts'
export { chooseForCopy } from './copy/choose.ts'
export type { CopyChoice } from './copy/choose.ts'
export { copySnapshots } from './copy/copy.ts'
export type { CopyOptions } from './copy/copy.ts'
export type * from './delivery.ts'
export { RepositoryError, repositoryErrors } from './errors.ts'
export { forgetSnapshots } from './forget.ts'
export type { ForgetOptions } from './forget.ts'
export { FormatError, formatErrors } from './format/errors.ts'
export { idFromHex, idToHex } from './format/ids.ts'
export { goModeOf, permissionsOf, stModeOf, typeOfMode } from './format/mode.ts'
export { encodeNode, isSafeName } from './format/node.ts'
export type { EntryStat, ExtendedAttribute, Node, NodeType } from './format/node.ts'
export { keyCost } from './format/password.ts'
export type { Snapshot, SnapshotSummary } from './format/snapshot.ts'
export { formatTime, parseTime } from './format/time.ts'
export { TreeNode } from './format/tree-node.ts'
export { Tree, compareNames, encodeTree, openTree } from './format/tree.ts'
export { compressionLevels } from './format/zstd.ts'
export type { CompressionMode } from './format/zstd.ts'
export { addKey, listKeys } from './keys.ts'
export type { KeyOwner, ListedKey } from './keys.ts'
export { loadBlob, loadTree } from './load-blob.ts'
export { listIndexFiles, loadIndex } from './load-index.ts'
export { loadLocks, lockRepository, removeLocks } from './lock.ts'
export type { FoundLock, HeldLock, LockOptions } from './lock.ts'
export { prune } from './prune/prune.ts'
export type { PruneOptions, Pruned } from './prune/prune.ts'
export type { PruneResult } from './prune/execute.ts'
export { defaultKeepDeleted, parseSize, parseUnusedLimit } from './prune/options.ts'
export type { PruneLimits, UnusedLimit } from './prune/options.ts'
export type { PackFate, PlannedPack, PrunePlan, PruneStats } from './prune/plan.ts'
export type { PruneStep } from './prune/view.ts'
export { initRepository, openRepository } from './repository.ts'
export type { IndexedRepository, InitOptions, OpenOptions, Repository, SealedFileType } from './repository.ts'
export {
  compareTimes,
  deleteSnapshot,
  findSnapshot,
  loadSnapshot,
  loadSnapshots,
  matchesFilter,
  saveSnapshot,
} from './snapshots.ts'
export type { NamedSnapshot, SnapshotFilter } from './snapshots.ts'
export { countStats, statsModes } from './stats.ts'
export type { CompressionStats, Stats, StatsMode } from './stats.ts'
export { findUsed } from './used.ts'
export type { FindUsedOptions } from './used.ts'
export { TreeLoader } from './tree-loader.ts'
export { RepositoryWriter } from './writer.ts'
export type { WriterOptions } from './writer.ts'
export type * from './writing.ts'
