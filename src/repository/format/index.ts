/**
 * The second door of the repository, to what is pure bytes and values: it loads nothing else, so a worker thread that needs
 * a mode or a time in the format's form starts without the rest (docs/decisions/0004).
 */
export { goModeOf, permissionsOf, stModeOf, typeOfMode } from './mode.ts'
export {
  FolderComparer,
  type EntryTable,
  type MatchedNodes,
  type SameEntries,
  type SameFolder,
} from './folder-comparer.ts'
export { formatTime, parseTime } from './time.ts'
export { compareNames } from './tree.ts'
export { paddingRoom, type PairHasher } from './hash-pairs.ts'
export { choosePrimitives, type Primitives } from './primitives.ts'
