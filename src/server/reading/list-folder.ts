import type { Cancellable } from '#base'
import type { listedFolderSchema } from '#protocol'
import { compareNames, formatTime } from '#repository'
import type { TreeNode } from '#repository'
import { findSubtree } from '#restorer'
import type { z } from 'zod'
import type { Services } from '../app/services.ts'
import { bytesOf, openRecoveryPoint } from './open-recovery-point.ts'
import type { Place, RecoveryPointName } from './open-recovery-point.ts'

export interface ListFolderOptions extends Place, Cancellable {
  /** Name of the entry after which the page begins, base64url. */
  readonly after?: string | undefined
  readonly limit: number
}

type ListedFolder = z.output<typeof listedFolderSchema>

const types: Partial<Record<TreeNode['type'], 'file' | 'folder' | 'link'>> = {
  file: 'file',
  dir: 'folder',
  symlink: 'link',
}

/** What lies in a folder of a recovery point, in the order of the bytes of the names. Throws `SUBFOLDER_NOT_FOUND`. */
export async function listFolder(
  services: Services,
  name: RecoveryPointName,
  options: ListFolderOptions,
): Promise<ListedFolder> {
  const { after, limit, signal } = options
  using opened = await openRecoveryPoint(services, name, { signal })
  const { trees, snapshot } = opened
  const path = bytesOf(options)
  const tree = await findSubtree(trees, { tree: snapshot.tree, path }, { signal })
  const last = after === undefined ? undefined : Buffer.from(after, 'base64url')
  const entries: ListedFolder['entries'] = []
  for (const node of await trees.loadTree(tree, { signal })) {
    if (last && compareNames(node.name, last) <= 0) continue
    if (entries.length === limit) return { entries, next: entries.at(-1)?.rawName ?? null }
    entries.push(describe(node, path))
  }
  return { entries, next: null }
}

function describe(node: TreeNode, folder: Buffer): ListedFolder['entries'][number] {
  const type = types[node.type] ?? 'other'
  const parts = folder.length === 0 || folder.at(-1) === slash ? [folder] : [folder, Buffer.from('/')]
  const path = Buffer.concat([...(folder[0] === slash ? [] : [Buffer.from('/')]), ...parts, node.name])
  return {
    name: node.name.toString('utf8'),
    rawName: node.name.toString('base64url'),
    rawPath: path.toString('base64url'),
    type,
    size: type === 'file' ? Number(node.size) : null,
    modified: formatTime(node.mtimeNs),
  }
}

const slash = 0x2f
