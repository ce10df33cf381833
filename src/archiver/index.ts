/** The archiver: a `Source` becomes a snapshot. Sources are written against what is exported here. */
export { archive } from './archive.ts'
export type { ArchiveOptions, ArchiveResult, ArchiveStore, EntryEvent } from './archive.ts'
export { backUp } from './back-up.ts'
export type { BackUpOptions, BackUpResult, SnapshotIdentity } from './back-up.ts'
export { ArchiverError, archiverErrors } from './errors.ts'
export { formatLocalTime } from './local-time.ts'
export { chooseParent } from './parent-snapshot.ts'
export type { ParentGroup } from './parent-snapshot.ts'
export { scannerModule } from './scan-ahead.ts'
export type { UnchangedRule } from './parent.ts'
export type * from './source.ts'
export type { ArchiveCounts, EntryState } from './tally.ts'
export type {
  ContentReader,
  CreateContentReader,
  EntryStat,
  ExtendedAttribute,
  Node,
  NodeType,
  OpenContent,
} from '#repository'
