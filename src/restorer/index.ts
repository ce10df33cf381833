/**
 * The restorer: a snapshot's tree becomes what a `Target` holds.
 *
 * A *plan* says what is new, changed, the same, in the way; `executeRestore` carries it out; `verifyRestored` reads
 * everything again. What cannot be restored is a *failure*, a value with a path, and never stops the rest.
 */
export { archiveFormats, dumpFile, dumpFolder, findForDump } from './dump/dump.ts'
export type { ArchiveFormat, DumpFolderOptions, DumpOptions, DumpRepository } from './dump/dump.ts'
export { RestorerError, restorerErrors } from './errors.ts'
export type { ExecuteOptions, RestoreProgress, RestoreResult } from './execute.ts'
export { executeRestore } from './execute.ts'
export type { FailureList, RestoreFailure } from './failures.ts'
export type { Action, PlanCounts, PlanItem } from './plan.ts'
export { RestorePlan } from './plan.ts'
export type { Overwrite, PlanOptions, Select } from './planner.ts'
export { planRestore } from './planner.ts'
export { RandomSample } from './sample.ts'
export type { SampledFile, SampleLimits } from './sample.ts'
export type { RestoreNode, RestoreRepository, RestoreTree } from './repository.ts'
export { findSubtree } from './subtree.ts'
export type * from './target.ts'
export type { VerifyResult } from './verify.ts'
export { verifyRestored } from './verify.ts'

// What a `Target` and its modules need of the repository, which they do not enter themselves.

export type {
  ContentWriter,
  CreateContentWriter,
  CreateFolderScanner,
  FolderScanner,
  KnownBlobs,
  Node,
} from '#repository'
