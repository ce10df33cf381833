import type { Cancellable } from '#base'
import { encodeSnapshot } from './format/snapshot.ts'
import type { Snapshot } from './format/snapshot.ts'
import type { HeldLock } from './lock.ts'
import type { Repository } from './repository.ts'
import { deleteSnapshot, saveSnapshot } from './snapshots.ts'
import type { NamedSnapshot } from './snapshots.ts'

export interface ChangeSnapshotsOptions extends Cancellable {
  /** The exclusive lock. */
  readonly lock: Pick<HeldLock, 'ensure'>
  /** Every snapshot that is there. */
  readonly all: readonly NamedSnapshot[]
  readonly onChanged: (before: NamedSnapshot, id: string) => void
}

/** What of a snapshot may be changed: who and what it is about, never what it holds. */
export type SnapshotChange = Partial<Pick<Snapshot, 'tags'>>

/**
 * Changes snapshots. Files are never written over: the changed one is stored, and only then the old one removed, so
 * whatever ends this leaves at least one of the two. Where a run was killed between the two, the next one finds the
 * changed one and makes no second. The changed one remembers which it was first (`original`).
 */
export async function changeSnapshots(
  repository: Repository,
  changes: readonly { readonly snapshot: NamedSnapshot; readonly change: SnapshotChange }[],
  { lock, all, onChanged, signal }: ChangeSnapshotsOptions,
): Promise<void> {
  const known = new Map(all.map((snapshot) => [contentOf(snapshot), snapshot.id]))
  for (const { snapshot, change } of changes) {
    const { id: old, ...about } = snapshot
    const changed: Snapshot = { ...about, ...change, original: snapshot.original ?? old }
    await lock.ensure()
    const present = known.get(contentOf(changed))
    const id = present ?? (await saveSnapshot(repository, changed, { signal }))
    if (id !== old) await deleteSnapshot(repository, old, { signal })
    onChanged(snapshot, id)
  }
}

function contentOf(snapshot: Snapshot): string {
  return encodeSnapshot(snapshot).toString('latin1')
}
