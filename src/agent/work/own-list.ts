import { snapshotText } from '#protocol'
import type { MachineKey } from '../link/machine-key.ts'
import type { AgentFolder } from '../state.ts'

/** Whether a snapshot is in the machine's own list, with its own signature: the server's word counts for nothing here. */
export async function isInOwnList(
  folder: AgentFolder,
  key: MachineKey,
  { repositoryId, snapshotId }: { readonly repositoryId: string; readonly snapshotId: string },
): Promise<boolean> {
  return (await folder.readSigned()).some(
    (entry) =>
      entry.repositoryId === repositoryId &&
      entry.snapshotId === snapshotId &&
      key.verify(snapshotText(entry), entry.signature),
  )
}
