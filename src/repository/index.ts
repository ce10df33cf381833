/** The repository: restic's format, opened, read, written, checked and cleaned. */
export type * from './content.ts'
export type * from './delivery.ts'
export type { EntryStat, ExtendedAttribute, Node, NodeType } from './format/node.ts'
export { goModeOf, typeOfMode } from './format/mode.ts'
export { formatTime, parseTime } from './format/time.ts'
