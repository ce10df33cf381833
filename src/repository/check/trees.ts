import { hasCode, messageOf, printable, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { shortName } from './findings.ts'
import type { Findings } from './findings.ts'
import { measureContent } from './measure-content.ts'
import { idToHex } from '../format/ids.ts'
import type { TreeNode } from '../format/tree-node.ts'
import type { IndexedRepository } from '../repository.ts'
import type { NamedSnapshot } from '../snapshots.ts'
import { TreeLoader } from '../tree-loader.ts'
import { TreeThreads } from '../tree-threads.ts'
import { walkTrees } from '../walk-trees.ts'

export interface CheckTreesOptions extends Cancellable {
  readonly findings: Findings
  /** Entries that are known to be bad: what follows from that is not reported again. */
  readonly isLost: (first: number) => boolean
  readonly onProgress?: ((trees: number) => void) | undefined
  /** Threads that help. Default: as many as are worth it. */
  readonly threads?: number | undefined
}

/** Makes sure that every tree can be read and every blob that is needed is in the index. Returns the number of trees. */
export async function checkTrees(
  repository: IndexedRepository,
  snapshots: readonly NamedSnapshot[],
  { findings, isLost, onProgress, threads: wanted, signal }: CheckTreesOptions,
): Promise<number> {
  let walked = 0
  const missing = new Set<string>()
  const problem = (error: Error, { id, tree }: { readonly id: Buffer; readonly tree: number }) => {
    const name = shortName(idToHex(id))
    if (hasCode(error, 'BLOB_NOT_FOUND') && tree < 0) {
      if (missing.has(idToHex(id))) return
      missing.add(idToHex(id))
      findings.add({ kind: 'tree-missing', message: `The tree ${name} is in no index.`, missingTree: id })
    } else if (!isLost(tree)) {
      const message = `The tree ${name} cannot be read: ${messageOf(error)}`
      findings.add({ kind: 'tree-damaged', message, badEntries: allEntries(repository, id) })
    }
  }
  const visitor = { node: (node: TreeNode, tree: number) => checkNode(repository, node, tree, findings), problem }
  const roots = snapshots.map(({ tree }) => tree)
  const onWalked = (trees: number) => onProgress?.((walked = trees))
  const loader = new TreeLoader(repository)
  await using threads = TreeThreads.start(repository, loader, { purpose: 'check', threads: wanted })
  await walkTrees(repository, roots, visitor, { signal, onProgress: onWalked, loader, threads })
  return walked
}

function allEntries({ index }: IndexedRepository, id: Buffer): number[] {
  return index.findAll('tree', id)
}

/** Returns false when the entry cannot be gone into. */
function checkNode({ index }: IndexedRepository, node: TreeNode, tree: number, findings: Findings): boolean {
  const place = () => ({ tree, name: Buffer.from(node.name) })
  const problem = node.problem()
  if (problem) {
    findings.add({ kind: 'entry-malformed', message: messageOf(problem), place: place() })
    return canBeEntered(node)
  }
  const { content } = node
  if (content === null) return true
  const { missing, length } = measureContent(index, content)
  if (missing > 0) {
    const message = `The file ${shown(node)} needs ${missing} ${missing === 1 ? 'blob that is' : 'blobs that are'} in no index.`
    findings.add({ kind: 'blobs-missing', message, place: place() })
  } else if (BigInt(length) !== node.size) {
    const message = `The file ${shown(node)} has ${node.size} bytes, and its blobs have ${length}.`
    findings.add({ kind: 'file-size', message, place: place() })
  }
  return true
}

function shown({ name }: TreeNode): string {
  return `"${printable(name)}"`
}

function canBeEntered(node: TreeNode): boolean {
  try {
    return node.subtree !== undefined
  } catch (thrown) {
    throwIfBug(thrown)
    return false
  }
}
