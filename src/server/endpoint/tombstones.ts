import type { FileRef } from '#backend'
import type { SetAsideFile } from './quarantine.ts'

/** The list of what counts as deleted in one repository. `has` and `all` are asked for every file: they answer from memory. */
export interface Tombstones {
  /** Takes in what other nodes of the server have changed. */
  reload(): Promise<void>
  /** The same for one file. */
  reloadOne(file: FileRef): Promise<void>
  has(file: FileRef): boolean
  all(): readonly SetAsideFile[]
  add(file: SetAsideFile): Promise<void>
  remove(files: readonly FileRef[]): Promise<void>
}
