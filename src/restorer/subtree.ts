import type { Cancellable } from '#base'

import { RestorerError } from './errors.ts'
import type { RestoreRepository } from './repository.ts'

/**
 * The tree of a folder inside a snapshot: `snapshot:some/folder`. Empty components and `.` count for nothing.
 * Throws SUBFOLDER_NOT_FOUND.
 */
export async function findSubtree(
  repository: Pick<RestoreRepository, 'loadTree'>,
  { tree, path }: { readonly tree: Buffer; readonly path: Buffer },
  options: Cancellable = {},
): Promise<Buffer> {
  let at = tree
  for (const name of components(path)) {
    const child = await folderIn(repository, at, name, options)
    if (child === undefined) throw new RestorerError('SUBFOLDER_NOT_FOUND', { path })
    at = child
  }
  return at
}

async function folderIn(
  repository: Pick<RestoreRepository, 'loadTree'>,
  tree: Buffer,
  name: Buffer,
  options: Cancellable,
): Promise<Buffer | undefined> {
  for (const node of await repository.loadTree(tree, options)) {
    if (node.name.equals(name)) return node.type === 'dir' ? node.subtree : undefined
  }
  return undefined
}

function components(path: Buffer): Buffer[] {
  // latin1 keeps every byte.
  const names = path.toString('latin1').split('/')
  return names.filter((name) => name !== '' && name !== '.').map((name) => Buffer.from(name, 'latin1'))
}
