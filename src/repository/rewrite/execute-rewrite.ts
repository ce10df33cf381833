import type { Cancellable } from '#base'
import { encodeSnapshot } from '../format/snapshot.ts'
import type { Snapshot } from '../format/snapshot.ts'
import { loadIndex } from '../load-index.ts'
import type { HeldLock } from '../lock.ts'
import { PackWriter } from '../pack-writer.ts'
import { deleteSnapshot, loadSnapshot, loadSnapshots, saveSnapshot } from '../snapshots.ts'
import type { NamedSnapshot } from '../snapshots.ts'
import type { RewritePlan } from './plan-rewrite.ts'
import { TreeRewriter } from './rewrite-trees.ts'

export interface ExecuteRewriteOptions extends Cancellable {
  /** The exclusive one where originals go. */
  readonly lock: Pick<HeldLock, 'verify' | 'ensure'>
  /** Bytes of blobs after which a new pack is complete. */
  readonly packSize?: number | undefined
  /** `isNew` is false for one that an interrupted run has left. */
  readonly onSaved?: ((original: NamedSnapshot, id: string, isNew: boolean) => void) | undefined
  readonly onForgotten?: ((original: NamedSnapshot) => void) | undefined
}

/**
 * Carries the plan out: first all new trees are durable, then each new snapshot is stored and read back, and only then its
 * original goes. Whatever ends this in between, every original is there or what takes its place. Throws `LOCK_LOST`.
 */
export async function executeRewrite<State>(plan: RewritePlan<State>, options: ExecuteRewriteOptions): Promise<void> {
  const { repository, request, snapshots } = plan
  const { lock, signal, onSaved, onForgotten } = options
  await storeTrees(plan, options)
  const all = await loadSnapshots(repository, { signal, onDamaged: () => undefined })
  const known = new Map(all.map((snapshot) => [contentOf(snapshot), snapshot.id]))
  for (const { snapshot, fate, replacement } of snapshots) {
    if (replacement) {
      await lock.verify()
      const present = known.get(contentOf(replacement))
      const id = present ?? (await saveSnapshot(repository, replacement, { signal }))
      await loadSnapshot(repository, id, { signal })
      onSaved?.(snapshot, id, present === undefined)
    }
    if (!request.forget || fate === 'keep') continue
    await lock.ensure()
    await deleteSnapshot(repository, snapshot.id, { signal })
    onForgotten?.(snapshot)
  }
}

/** Goes through what changes once more, and stores it this time. */
async function storeTrees<State>(
  { repository, request, snapshots, results }: RewritePlan<State>,
  { lock, packSize, signal }: ExecuteRewriteOptions,
): Promise<void> {
  const changing = snapshots.filter(({ hasNewTrees }) => hasNewTrees)
  if (changing.length === 0 || !request.createRules) return
  const indexed = await loadIndex(repository, { signal })
  const writer = new PackWriter(indexed, { packSize, guard: async () => await lock.ensure(), signal })
  const save = async (bytes: Buffer) => await writer.saveTree(bytes)
  const rewriter = new TreeRewriter(repository, request.createRules('store'), { save, known: results })
  for (const { snapshot, replacement } of changing) {
    const { id } = await rewriter.rewrite(snapshot.tree, { signal })
    if (!replacement || !id?.equals(replacement.tree)) throw new Error('the trees are not what the plan said')
  }
  await writer.finish()
}

function contentOf(snapshot: Snapshot): string {
  return encodeSnapshot(snapshot).toString('latin1')
}
