import type { ExtendedAttribute } from '../format/node.ts'
import type { TreeNode } from '../format/tree-node.ts'

/** Whether two nodes of one name say the same of their entry (restic: `Node.Equals`); times count by the moment that they mean. */
export function isSameNode(a: TreeNode, b: TreeNode, { content = true }: { readonly content?: boolean } = {}): boolean {
  if (a.raw.equals(b.raw)) return true
  return (
    values.every((value) => a[value] === b[value]) &&
    (!content || isSame(a.content ?? undefined, b.content ?? undefined)) &&
    isSame(a.subtree, b.subtree) &&
    isSame(a.linkTarget ?? Buffer.alloc(0), b.linkTarget ?? Buffer.alloc(0)) &&
    haveSameAttributes(a.extendedAttributes, b.extendedAttributes)
  )
}

const values = [
  'type',
  'mode',
  'mtimeNs',
  'atimeNs',
  'ctimeNs',
  'uid',
  'gid',
  'user',
  'group',
  'inode',
  'deviceId',
  'size',
  'links',
  'device',
  'genericAttributes',
  'error',
] as const satisfies readonly (keyof TreeNode)[]

function isSame(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b)
}

/** In whatever order; an empty value is as good as none. */
function haveSameAttributes(a: readonly ExtendedAttribute[], b: readonly ExtendedAttribute[]): boolean {
  if (a.length !== b.length) return false
  const byName = new Map(a.map(({ name, value }) => [name, value ?? Buffer.alloc(0)]))
  return b.every(({ name, value }) => byName.get(name)?.equals(value ?? Buffer.alloc(0)) === true)
}
