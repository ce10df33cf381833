import { throwIfBug } from '#base'
import type { askReceivedSchema, receivedSchema } from '#protocol'
import type { z } from 'zod'
import type { AgentFolder } from '../state.ts'

/** So long planned runs wait for a disk, in milliseconds: one that was lost must not keep a machine from being backed up. */
const longestTravel = 14 * 24 * 3_600_000

export interface Awaiting {
  /** By the machine's clock, milliseconds since 1970. */
  readonly now: number
  /** Asks the server which of these snapshots it has received. */
  readonly ask: (asked: z.input<typeof askReceivedSchema>) => Promise<z.output<typeof receivedSchema>>
}

/**
 * Whether the first backup by a policy is on its way to the server by disk: then a planned run waits, so that not all of it goes
 * over the line as well. As soon as everything has arrived, or too much time has passed, nothing is on its way any more.
 */
export async function isOnItsWay(folder: AgentFolder, policyId: string, { now, ask }: Awaiting): Promise<boolean> {
  const copy = await folder.readFirstCopy()
  if (!copy?.policies.includes(policyId)) return false
  const { snapshots, since } = copy
  const isLate = Math.abs(now - since) > longestTravel
  const hasArrived = snapshots.length > 0 && (await countReceived(snapshots, ask)) === snapshots.length
  if (isLate || hasArrived) await folder.removeFirstCopy()
  return !isLate && !hasArrived
}

/** A server that is away has received nothing that anybody knows of. */
async function countReceived(snapshots: string[], ask: Awaiting['ask']): Promise<number> {
  try {
    return (await ask({ snapshots })).received.length
  } catch (thrown) {
    throwIfBug(thrown)
    return 0
  }
}
