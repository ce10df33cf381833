import type { CreateFolderLister, EntryStat, ListedEntry } from '#archiver'

import { DiskFolder } from './entries.ts'
import { compileLists, statesOf } from './exclude.ts'
import type { ExcludeLists } from './exclude.ts'
import { fillPlainFolder, listPlainFolder } from './list-folder.ts'
import { platform } from './platform/index.ts'
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
  const open = (ref: FolderRef) => folderOf(ref, excludes.patterns.length > 0 ? statesOf(excludes, ref.path) : [])
  return {
    fill(ref, table): boolean {
      try {
        return fillPlainFolder(walk, open(ref as FolderRef), table)
      } catch {
        return false
      }
    },
    found: (table, place) => (platform.readTable as NonNullable<typeof platform.readTable>)(table, place),
    list(ref): readonly ListedEntry[] | undefined {
      isClean = true
      try {
        const { entries, problems } = listPlainFolder(walk, open(ref as FolderRef))
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
