import { encodeTree } from '#repository'
import type { Tree } from '#repository'
import type { SourceEntry } from './source.ts'

/** What is known of a folder's entries. */
export interface FolderNodes {
  entries: readonly SourceEntry[]
  /** Encoded nodes in the order of the entries; undefined where an entry is left out. */
  nodes: (Buffer | undefined)[]
}

/** Stands for a folder's node that is as it was, where only folders are entries. */
export const sameNode = Buffer.alloc(0)

export function treeOf({ nodes }: FolderNodes): Buffer {
  return encodeTree(nodes.filter((node) => node !== undefined))
}

/** The tree that a folder had, with other nodes for some of the folders in it: its `entries` are all of these, in order. */
export function changedTree(tree: Tree, { entries, nodes }: FolderNodes): Buffer {
  const changed: Buffer[] = []
  let place = 0
  for (const node of tree) {
    const isEntry = entries[place]?.name.equals(node.name) === true
    const now = isEntry ? nodes[place++] : sameNode
    if (now) changed.push(now === sameNode ? Buffer.from(node.raw) : now)
  }
  return encodeTree(changed)
}
