import type { Cancellable } from '#base'
import { loadBlob, loadTree } from '#repository'
import type { IndexedRepository, NamedSnapshot, TreeNode } from '#repository'

/** One version of a file: the snapshot that has it, and its node there. */
export interface FileVersion {
  readonly snapshot: NamedSnapshot
  /** Undefined when the file is not in that snapshot. */
  readonly node: TreeNode | undefined
}

/** A file in each of the snapshots. `path` is absolute, as the snapshots have it. */
export async function findVersions(
  repository: IndexedRepository,
  snapshots: readonly NamedSnapshot[],
  path: string,
  options: Cancellable = {},
): Promise<FileVersion[]> {
  const versions: FileVersion[] = []
  for (const snapshot of snapshots) {
    versions.push({ snapshot, node: await findNode(repository, snapshot.tree, path, options) })
  }
  return versions
}

/** The content of a file of a snapshot. */
export async function loadContent(
  repository: IndexedRepository,
  node: TreeNode,
  options: Cancellable = {},
): Promise<Buffer> {
  const content = node.content ?? Buffer.alloc(0)
  const pieces: Buffer[] = []
  for (let at = 0; at < content.length; at += 32) {
    pieces.push(await loadBlob(repository, 'data', content.subarray(at, at + 32), options))
  }
  return Buffer.concat(pieces)
}

async function findNode(
  repository: IndexedRepository,
  root: Buffer,
  path: string,
  options: Cancellable,
): Promise<TreeNode | undefined> {
  let tree: Buffer | undefined = root
  let found: TreeNode | undefined
  for (const name of path.split('/').filter((part) => part !== '')) {
    if (!tree) return undefined
    const nodes: TreeNode[] = [...(await loadTree(repository, tree, options))]
    found = nodes.find((node) => node.name.equals(Buffer.from(name)))
    tree = found?.subtree
  }
  return found
}
