import { mapOrdered, messageOf, throwIfBug } from '#base'
import { Bitmap } from '../bitmap.ts'
import { idToHex } from '../format/ids.ts'
import { encodeNode } from '../format/node.ts'
import type { Snapshot } from '../format/snapshot.ts'
import { encodeTree } from '../format/tree.ts'
import type { Tree } from '../format/tree.ts'
import { loadIndex } from '../load-index.ts'
import { PackWriter } from '../pack-writer.ts'
import type { IndexedRepository, Repository } from '../repository.ts'
import { loadSnapshots, saveSnapshot } from '../snapshots.ts'
import { TreeLoader } from '../tree-loader.ts'
import type { SwapOptions } from './index-swap.ts'
import { executeIndexRepair, planIndexRepair } from './repair-index.ts'
import type { IndexRepairPlan, RepairIndexStep } from './repair-index.ts'
import type { LookOptions } from './second-look.ts'

export interface PlanRecoveryOptions extends LookOptions {
  /** Told of each tree that cannot be read. */
  readonly onProblem?: ((message: string) => void) | undefined
  readonly onProgress?:
    | ((step: RepairIndexStep | 'load trees', done: number, total: number | undefined) => void)
    | undefined
}

export interface RecoveryPlan {
  /** Trees that no snapshot and no other tree names, sorted. */
  readonly roots: readonly Buffer[]
  /** The index must name everything that is there, and take back what waits to be deleted and is needed. */
  readonly index: IndexRepairPlan
}

/**
 * Finds folders that no snapshot leads to: of snapshots that were forgotten, or are damaged, or were never finished. Also
 * in packs that wait to be deleted, which come back then. Throws as `planIndexRepair`.
 */
export async function planRecovery(repository: Repository, options: PlanRecoveryOptions = {}): Promise<RecoveryPlan> {
  let roots: readonly Buffer[] = []
  const findMoreRoots = async (indexed: IndexedRepository) => (roots = await findRoots(indexed, options))
  const index = await planIndexRepair(repository, { ...options, findMoreRoots })
  return { roots, index }
}

/** Trees that are loaded ahead. */
const ahead = 32

async function findRoots(
  repository: IndexedRepository,
  { signal, onProgress, onProblem }: PlanRecoveryOptions,
): Promise<readonly Buffer[]> {
  const { index } = repository
  const trees = treesByPlace(repository)
  const named = new Bitmap(index.size)
  const loader = new TreeLoader(repository)
  const load = async (entry: number) => {
    const tree = await loader.load(entry, { signal }).catch((thrown: unknown) => {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      return thrown as Error
    })
    return { entry, tree }
  }
  const name = (id: Buffer) => {
    const entry = index.find('tree', id)
    if (entry >= 0) named.add(entry)
  }
  let done = 0
  for await (const { entry, tree } of mapOrdered(trees, load, { concurrency: ahead, signal })) {
    const problem = tree instanceof Error ? tree : nameFolders(tree, name)
    if (problem)
      onProblem?.(`The tree ${idToHex(index.idOf(entry)).slice(0, 10)} cannot be read: ${messageOf(problem)}`)
    if (problem) named.add(entry) // nothing that could be shown as a folder
    onProgress?.('load trees', ++done, trees.length)
  }
  for (const { tree } of await loadSnapshots(repository, { signal, onDamaged: () => undefined })) name(tree)
  const roots = trees.filter((entry) => !named.has(entry)).map((entry) => index.idOf(entry))
  return roots.toSorted((a, b) => Buffer.compare(a, b))
}

/** The first entry of every tree, in the order in which trees lie in their packs: neighbours are read in one go. */
function treesByPlace({ index }: IndexedRepository): number[] {
  const trees: number[] = []
  for (let entry = 0; entry < index.size; entry++) {
    if (index.typeOf(entry) === 'tree' && index.firstOf(entry) === entry) trees.push(entry)
  }
  return trees.toSorted((a, b) => index.packOf(a) - index.packOf(b) || index.offsetOf(a) - index.offsetOf(b))
}

function nameFolders(tree: Tree, name: (id: Buffer) => void): Error | undefined {
  try {
    for (const { subtree } of tree) if (subtree) name(subtree)
    return undefined
  } catch (thrown) {
    throwIfBug(thrown)
    return thrown as Error
  }
}

export interface ExecuteRecoveryOptions extends SwapOptions {
  /** Who recovers, and when. */
  readonly snapshot: Pick<Snapshot, 'time' | 'hostname' | 'username' | 'uid' | 'gid' | 'programVersion'>
}

/** Makes a snapshot of what was found, under the exclusive lock. Returns its id. Throws as `executeIndexRepair`. */
export async function executeRecovery(
  { roots, index }: RecoveryPlan,
  { snapshot, lock, signal }: ExecuteRecoveryOptions,
): Promise<string> {
  if (!index.isEmpty) await executeIndexRepair(index, { lock, signal })
  const repository = await loadIndex(index.view.repository, { signal })
  const writer = new PackWriter(repository, { guard: async () => await lock.ensure(), signal })
  const tree = await writer.saveTree(encodeTree(folders(roots, snapshot.time)))
  await writer.finish()
  await lock.verify()
  const about = { paths: ['/recover'], tags: ['recovered'], excludes: [] }
  return await saveSnapshot(repository, { ...snapshot, ...about, tree }, { signal })
}

/** Go's mode of a folder that its owner may change and all may read. */
const folderMode = 0x8000_0000 + 0o755

/** A folder for each root, called by the first digits of its id: as many as it takes to tell them apart. */
function folders(roots: readonly Buffer[], time: string): Buffer[] {
  const ids = roots.map((root) => root.toString('hex'))
  const digits = [8, 16, 32, 64].find((count) => new Set(ids.map((id) => id.slice(0, count))).size === ids.length)
  const none = { uid: 0, gid: 0, user: '', group: '', inode: 0n, deviceId: 0n, size: 0n, links: 0n, device: 0n }
  return roots.map((subtree, i) =>
    encodeNode({
      ...none,
      name: Buffer.from((ids[i] as string).slice(0, digits)),
      type: 'dir',
      mode: folderMode,
      mtime: time,
      atime: time,
      ctime: time,
      content: null,
      subtree,
    }),
  )
}
