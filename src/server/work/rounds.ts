import { noteArrivals } from '../fleet/script-runs.ts'
import type { Services } from '../app/services.ts'
import { proofRound } from '../proofs/plan-proofs.ts'
import type { Round } from './round.ts'

const hour = 3_600_000
const day = 24 * hour

/** Everything that server nodes do again and again by themselves. */
export const rounds: readonly Round[] = [
  { name: 'forget old events', every: hour, run: forgetOldEvents },
  { name: 'note what machines without agent sent', every: 10_000, run: noteArrivals },
  proofRound,
]

/** Who was away for longer than a day asks for everything anew. */
async function forgetOldEvents({ store, clock }: Services): Promise<void> {
  await store.db
    .deleteFrom('events')
    .where('at', '<', clock.now() - day)
    .execute()
}
