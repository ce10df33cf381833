import type { CreateFolderLister, EntryStat, ListedEntry } from '#archiver'

import { DiskFolder } from './entries.ts'
import { compileLists, statesOf } from './exclude.ts'
import type { ExcludeLists } from './exclude.ts'
import { listPlainFolder } from './list-folder.ts'
import type { FolderWalk } from './walk.ts'

/** A folder as it is sent to a thread. */
export interface FolderRef {
  /** Raw. */
  readonly path: string
  readonly inode: bigint
  readonly deviceId: bigint
  readonly trusted: number
  /** The only device whose entries are taken, if there is such a rule. */
  readonly device: bigint | undefined
}

/**
 * Lists folders in a thread, by the rules of the walk. What the user would be told of (an entry that cannot be read, a tag
 * that is none) is not for a thread: such a folder is left to the main thread.
 */
export const createFolderLister: CreateFolderLister = (options) => {
  const excludes = compileLists(options as ExcludeLists)
  let isClean = true
  const walk: FolderWalk = {
    excludes,
    readPath: (path) => path,
    elsewhere: new Set(),
    warn: () => (isClean = false),
    excluded: () => undefined,
  }
  return {
    list(ref): readonly ListedEntry[] | undefined {
      isClean = true
      const folder = folderOf(
        ref as FolderRef,
        excludes.patterns.length > 0 ? statesOf(excludes, (ref as FolderRef).path) : [],
      )
      try {
        const { entries, problems } = listPlainFolder(walk, folder)
        return isClean && problems.length === 0 ? entries : undefined
      } catch {
        return undefined
      }
    },
  }
}

function folderOf({ path, inode, deviceId, trusted, device }: FolderRef, states: DiskFolder['states']): DiskFolder {
  const stat = { inode, deviceId } as EntryStat // all that opening compares
  return new DiskFolder({ raw: path, at: path, stat, rules: { trusted, device }, states, isBarred: false })
}
