import type { Excludes } from './exclude.ts'
import type { RemoteMounts } from './remote-mounts.ts'
import { cleanPath, joinPath } from './target-tree.ts'

/** What listing a folder needs to know. */
export interface FolderWalk {
  readonly excludes: Excludes
  readonly readPath: (path: string) => string
  /** Where `readPath` must be asked again on the way down. */
  readonly elsewhere: ReadonlySet<string>
  readonly warn: (path: string, error: Error) => void
  readonly excluded: (path: string) => void
}

/** Everything that listing needs to know. */
export interface Walk extends FolderWalk {
  readonly oneFileSystem: boolean
  /** The devices of the targets by absolute path. */
  readonly devices: ReadonlyMap<string, bigint>
  readonly workingFolder: string
  readonly remote: RemoteMounts
}

/** Raw strings, both. An empty target stays empty: it names nothing, and surely not the working folder. */
export function absolutePath(target: string, workingFolder: string): string {
  if (target === '') return ''
  return cleanPath(target.startsWith('/') ? target : joinPath(workingFolder, target))
}
