import type { Services } from '../app/services.ts'

/**
 * Ends what the ledger says is under way, by what the storage has: a snapshot that was to be removed and is there stays, one
 * that has gone is removed. So whatever a run was ended by (a crash, an attack, a full disk), the next one finds ledger and
 * storage agreeing, decides anew, and nobody takes the crash for an attack. Call it only while nobody else removes or puts back.
 */
export async function settleLedger({ ledger, storage }: Services, repositoryId: string): Promise<void> {
  const open = [...(await ledger.snapshots(repositoryId)).values()].filter(
    ({ state }) => state === 'removing' || state === 'putting-back',
  )
  for (const { id: snapshotId } of open) {
    const isThere = (await storage.size(repositoryId, { type: 'snapshot', name: snapshotId })) !== undefined
    const what = isThere ? 'put-back' : 'removed'
    await ledger.write({ repositoryId, what, snapshotId, machineId: null })
  }
}
