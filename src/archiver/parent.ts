import type { EntryStat, KnownContent, Tree, TreeNode } from '#repository'
// Threads load this too, which need no more of the repository.
import { compareNames, goModeOf } from '#repository/format'

/** What must be the same for a file to count as unchanged (restic: archiver.go, `fileChanged`). Size and mtime always. */
export interface UnchangedRule {
  /** For file systems that make up their inode numbers. */
  readonly ignoreInode?: boolean
  readonly ignoreCtime?: boolean
}

/** A folder of the parent snapshot, gone through in step with the folder on disk: both are sorted by name. */
export class ParentFolder {
  /** Id of the tree; undefined when the parent has no such folder. */
  readonly id: Buffer | undefined
  readonly tree: Tree | undefined
  readonly #nodes: Iterator<TreeNode> | undefined
  #ahead: TreeNode | undefined
  #current: TreeNode | undefined

  constructor(tree?: Tree, id?: Buffer) {
    this.id = id
    this.tree = tree
    this.#nodes = tree?.[Symbol.iterator]()
    this.#advance()
  }

  get exists(): boolean {
    return this.#nodes !== undefined
  }

  /** The node of that name, if there is one. Names must be asked for in order. */
  take(name: Buffer): TreeNode | undefined {
    while (this.#ahead && compareNames(this.#ahead.name, name) < 0) this.#advance()
    this.#current = this.#ahead && compareNames(this.#ahead.name, name) === 0 ? this.#ahead : undefined
    return this.#current
  }

  // A malformed parent only costs time: what is not understood is read again.
  #advance(): void {
    try {
      const next = this.#nodes?.next()
      this.#ahead = next?.done === false ? next.value : undefined
    } catch {
      this.#ahead = undefined
    }
  }
}

/** Ids of the blobs (32 bytes each) of a file whose content is still what the parent says, or undefined. */
export function sameContent(node: TreeNode | undefined, stat: EntryStat, rule: UnchangedRule = {}): Buffer | undefined {
  if (!node) return undefined
  try {
    // A node that is marked was not read as one would wish (changed while it was read): it is read again.
    if (node.error !== undefined || node.type !== 'file') return undefined
    if (node.size !== stat.size || node.mtimeNs !== stat.mtime) return undefined
    if (!rule.ignoreInode && node.inode !== stat.inode) return undefined
    if (!rule.ignoreCtime && node.ctimeNs !== stat.ctime) return undefined
    return node.content ?? undefined
  } catch {
    return undefined
  }
}

/** The content and what it was read with; undefined when the node does not tell: then the file is read. */
export function knownContent(node: TreeNode, content: Buffer): KnownContent | undefined {
  try {
    const { size, mtimeNs: mtime, ctimeText: ctime, inode } = node
    return { content, size, mtime, ctime, inode }
  } catch {
    return undefined
  }
}

/** Whether the node is good as it stands: with the same ctime nothing of an entry's metadata was changed either. */
export function sameMetadata(node: TreeNode, stat: EntryStat): boolean {
  try {
    return node.ctimeNs === stat.ctime && node.inode === stat.inode && sameOwnership(node, stat)
  } catch {
    return false
  }
}

/** The same for what is neither file nor folder: a symlink cannot be changed without becoming another. */
export function sameSpecial(node: TreeNode, stat: EntryStat): boolean {
  try {
    return (
      node.error === undefined && node.type === stat.type && node.mtimeNs === stat.mtime && sameMetadata(node, stat)
    )
  } catch {
    return false
  }
}

/** The subtree of a folder's node; undefined when it has none, or is malformed: as if the parent had no such folder. */
export function subtreeOf(node: TreeNode | undefined): Buffer | undefined {
  try {
    return node?.type === 'dir' ? node.subtree : undefined
  } catch {
    return undefined
  }
}

/** Whether a folder's own metadata is as its node says. */
export function sameFolder(node: TreeNode, stat: EntryStat): boolean {
  try {
    return node.type === 'dir' && node.mtimeNs === stat.mtime && sameMetadata(node, stat)
  } catch {
    return false
  }
}

// The device id may differ: a mount id changes with every mount of a volume snapshot (E13 of the failure cases).
function sameOwnership(node: TreeNode, stat: EntryStat): boolean {
  return node.mode === goModeOf(stat.mode) && node.uid === stat.uid && node.gid === stat.gid
}
