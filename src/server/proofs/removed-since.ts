import type { Outcome } from '#protocol'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { shouldBeThere } from '../records/ledger.ts'
import type { Row } from '../store/tables.ts'

/** A proof of what retention has removed since it was planned is none, and no bad one: it says nothing of the others. */
export const removedSince: Outcome = {
  state: 'cancelled',
  reason: 'The recovery point that it was about was removed by retention before it was made.',
}

/** Whether the server itself has removed a snapshot. One that is missing is not what this is about. */
export async function wasRemoved(
  { ledger }: Services,
  { repositoryId, snapshotId }: { readonly repositoryId: string; readonly snapshotId: string },
): Promise<boolean> {
  const known = (await ledger.snapshots(repositoryId)).get(snapshotId)
  return known !== undefined && !shouldBeThere(known)
}

const aboutSchema = z.object({ repositoryId: z.string(), snapshotId: z.string() })

/** How a proof on a machine ended, that may have been planned long ago: the machine may have slept. */
export async function judgeProof(
  services: Services,
  { kind, order }: Pick<Row<'operations'>, 'kind' | 'order'>,
  outcome: Outcome,
): Promise<Outcome> {
  if (outcome.state !== 'failed' || (kind !== 'test-restore' && kind !== 'trial')) return outcome
  const about = aboutSchema.safeParse(JSON.parse(order))
  return about.success && (await wasRemoved(services, about.data)) ? removedSince : outcome
}
