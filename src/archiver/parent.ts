import { compareNames, goModeOf } from '#repository'
import type { Tree, TreeNode } from '#repository'
import type { SourceEntry } from './source.ts'

/** What must be the same for a file to count as unchanged (restic: archiver.go, `fileChanged`). Size and mtime always. */
export interface UnchangedRule {
  /** For file systems that make up their inode numbers. */
  readonly ignoreInode?: boolean
  readonly ignoreCtime?: boolean
}

export interface UnchangedFile {
  /** Ids of its blobs, 32 bytes each. */
  readonly content: Buffer
  /** The node as it stands in the parent; undefined when its metadata may have changed. */
  readonly raw: Buffer | undefined
}

/** A folder of the parent snapshot, gone through in step with the folder on disk: both are sorted by name. */
export class ParentFolder {
  /** Id of the tree; undefined when the parent has no such folder. */
  readonly id: Buffer | undefined
  readonly #nodes: Iterator<TreeNode> | undefined
  #ahead: TreeNode | undefined
  #current: TreeNode | undefined

  constructor(tree?: Tree, id?: Buffer) {
    this.id = id
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

/** What the parent knows of a file that is still the same, or undefined. */
export function unchangedFile(
  node: TreeNode | undefined,
  { stat }: SourceEntry,
  rule: UnchangedRule = {},
): UnchangedFile | undefined {
  if (!node) return undefined
  try {
    // A node that is marked was not read as one would wish (changed while it was read): it is read again.
    if (node.error !== undefined || node.type !== 'file') return undefined
    if (node.size !== stat.size || node.mtimeNs !== stat.mtime) return undefined
    if (!rule.ignoreInode && node.inode !== stat.inode) return undefined
    const sameCtime = node.ctimeNs === stat.ctime
    if (!rule.ignoreCtime && !sameCtime) return undefined
    const { content } = node
    if (!content) return undefined
    // Same ctime: nothing of the file's metadata was changed either, and its node is good as it stands.
    const same = sameCtime && node.inode === stat.inode && sameOwnership(node, stat)
    return { content, raw: same ? Buffer.from(node.raw) : undefined }
  } catch {
    return undefined
  }
}

/** The parent's node of a folder, when it and its content are the same as now. */
export function unchangedFolder(
  node: TreeNode | undefined,
  { stat }: SourceEntry,
  subtree: Buffer,
): Buffer | undefined {
  if (!node) return undefined
  try {
    const same =
      node.type === 'dir' &&
      node.subtree?.equals(subtree) === true &&
      node.inode === stat.inode &&
      node.mtimeNs === stat.mtime &&
      node.ctimeNs === stat.ctime &&
      sameOwnership(node, stat)
    return same ? Buffer.from(node.raw) : undefined
  } catch {
    return undefined
  }
}

// The device id may differ: a mount id changes with every mount of a volume snapshot (E13 of the failure cases).
function sameOwnership(node: TreeNode, stat: SourceEntry['stat']): boolean {
  return node.mode === goModeOf(stat.mode) && node.uid === stat.uid && node.gid === stat.gid
}
