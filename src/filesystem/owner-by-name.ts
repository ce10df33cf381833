import type { Node } from '#restorer'
import { platform } from './platform/index.ts'

/**
 * The node with the ids that its owner and group have on this machine. A name that nobody has here keeps its number: it
 * must not become root's.
 */
export function withOwnerByName(node: Node): Node {
  const uid = node.user === '' ? undefined : platform.userId(node.user)
  const gid = node.group === '' ? undefined : platform.groupId(node.group)
  return { ...node, uid: uid ?? node.uid, gid: gid ?? node.gid }
}
