import type { Cancellable } from '#base'
import { TreeLoader } from '#repository'
import type { IndexedRepository, TreeNode } from '#repository'

/** An entry of a snapshot, with its path. */
export interface WalkedEntry {
  /** Raw bytes, beginning with a slash. */
  readonly path: Buffer
  readonly node: TreeNode
}

export interface WalkOptions extends Cancellable {
  /** Called for each entry, folders before what they hold; says whether a folder is entered. */
  readonly visit: (entry: WalkedEntry) => boolean
}

const slash = Buffer.from('/')

/** Goes through a tree, depth first, in the order of the names' bytes, without recursion. */
export async function walkTree(repository: IndexedRepository, tree: Buffer, options: WalkOptions): Promise<void> {
  const { signal, visit } = options
  const trees = new TreeLoader(repository)
  const open = async (id: Buffer) => (await trees.loadById(id, { signal }))[Symbol.iterator]()
  const stack: { readonly nodes: Iterator<TreeNode>; readonly path: Buffer }[] = [
    { nodes: await open(tree), path: Buffer.alloc(0) },
  ]
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const next = top.nodes.next()
    if (next.done === true) {
      stack.pop()
      continue
    }
    const node = next.value
    const entry = { path: Buffer.concat([top.path, slash, node.name]), node }
    if (!visit(entry) || node.type !== 'dir' || node.subtree === undefined) continue
    stack.push({ nodes: await open(node.subtree), path: entry.path })
  }
}
