import type { CreateFolderScanner, KnownBlobs, Tree, TreeNode } from '#repository'
// A thread needs no more of the repository.
import { FolderComparer, compareNames } from '#repository/format'
import type { EntryTable, SameEntries } from '#repository/format'
import { sameContent, sameFolder, sameMetadata, sameSpecial, subtreeOf } from './parent.ts'
import type { UnchangedRule } from './parent.ts'
import type { CreateFolderLister, FolderLister, FoundFolder, ListedEntry } from './source.ts'

/** The scanner module: loaded by each thread, it tells whether a folder is still as the parent snapshot has it. */

export interface ScanOptions {
  readonly rule: UnchangedRule
  readonly lister: { readonly module: string; readonly options: unknown }
}

/** A folder whose entries are all as they were; what lies in the folders below is another question. */
export interface ScannedFolder {
  readonly files: number
  /** Of these files. */
  readonly bytes: number
  readonly folders: readonly ScannedSubfolder[]
}

export interface ScannedSubfolder extends FoundFolder {
  /** Id of the tree that it had. */
  readonly subtree: Uint8Array
  /** Whether its own metadata is as it was. */
  readonly isSame: boolean
}

const backslash = 0x5c

export const createFolderScanner: CreateFolderScanner = async (options, blobs) => {
  const { lister: spec, rule } = options as ScanOptions
  const { createFolderLister } = (await import(spec.module)) as { createFolderLister: CreateFolderLister }
  const lister = createFolderLister(spec.options)
  const comparer = new FolderComparer()
  return {
    scan(folder, parent): ScannedFolder | undefined {
      if (lister.fill(folder, comparer)) {
        const same = comparer.compare(parent.bytes)
        if (same) return blobs.useBlobs(same.ids) ? scannedFolder(same, lister, comparer) : undefined
        // Escapes are what it does not understand and often meets.
        if (!parent.bytes.includes(backslash)) return undefined
      }
      const entries = lister.list(folder)
      return entries && compareEntries(entries, parent, { rule, blobs })
    },
  }
}

function scannedFolder({ files, bytes, folders }: SameEntries, lister: FolderLister, table: EntryTable): ScannedFolder {
  const found = folders.map(({ place, subtree, isSame }) => ({ ...lister.found(table, place), subtree, isSame }))
  return { files, bytes, folders: found }
}

interface Comparison {
  readonly rule: UnchangedRule
  readonly blobs: KnownBlobs
}

/** Undefined as soon as anything differs. Both are sorted by name. */
export function compareEntries(
  entries: readonly ListedEntry[],
  parent: Tree,
  { rule, blobs }: Comparison,
): ScannedFolder | undefined {
  let files = 0
  let bytes = 0
  const contents: Buffer[] = []
  const folders: ScannedSubfolder[] = []
  try {
    const nodes = parent[Symbol.iterator]()
    for (const entry of entries) {
      const node = nodes.read()
      if (!node || compareNames(node.name, entry.name) !== 0) return undefined
      if (entry.stat.type === 'file') {
        const content = unchangedContent(node, entry, rule)
        if (!content) return undefined
        contents.push(content)
        files++
        bytes += Number(entry.stat.size)
      } else if (entry.stat.type === 'dir') {
        const folder = scannedSubfolder(node, entry)
        if (!folder) return undefined
        folders.push(folder)
      } else if (!sameSpecial(node, entry.stat)) return undefined
    }
    const isSame = nodes.read() === null && blobs.useBlobs(Buffer.concat(contents))
    return isSame ? { files, bytes, folders } : undefined
  } catch {
    return undefined // a malformed parent only costs time
  }
}

function unchangedContent(node: TreeNode, { stat }: ListedEntry, rule: UnchangedRule): Buffer | undefined {
  const content = sameContent(node, stat, rule)
  return content && sameMetadata(node, stat) ? content : undefined
}

function scannedSubfolder(node: TreeNode, { name, stat }: ListedEntry): ScannedSubfolder | undefined {
  const subtree = subtreeOf(node)
  // Memory of its own: sending a piece of a larger buffer would send all of it.
  return (
    subtree && { name: name.toString('latin1'), stat, subtree: new Uint8Array(subtree), isSame: sameFolder(node, stat) }
  )
}
