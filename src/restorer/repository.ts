import type { Cancellable } from '#base'
import type { ContentDelivery, Node, NodeType } from '#repository'

/** What a restore needs of a repository: its trees, and contents delivered into threads. */
export interface RestoreRepository extends ContentDelivery {
  loadTree(id: Buffer, options?: Cancellable): Promise<RestoreTree>
}

/** The entries of a folder, in order. Going on may throw where the tree is damaged; what came before is good. */
export type RestoreTree = Iterable<RestoreNode>

/** An entry as it lies in its tree: values are read when they are asked for, and may throw then. */
export interface RestoreNode {
  readonly name: Buffer
  readonly type: NodeType
  readonly size: bigint
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint
  readonly inode: bigint
  readonly deviceId: bigint
  readonly links: bigint
  readonly content: Buffer | null
  readonly subtree: Buffer | undefined
  decode(): Node
}

export const idBytes = 32

export function idAt(ids: Buffer, index: number): Buffer {
  return ids.subarray(index * idBytes, (index + 1) * idBytes)
}
