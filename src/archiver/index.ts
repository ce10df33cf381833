/** The archiver: a `Source` becomes a snapshot. Sources are written against what is exported here. */
export type * from './source.ts'
export { formatTime, goModeOf, typeOfMode } from '#repository'
export type {
  ContentReader,
  CreateContentReader,
  EntryStat,
  ExtendedAttribute,
  Node,
  NodeType,
  OpenContent,
} from '#repository'
