import { noteArrivals } from '../fleet/script-runs.ts'
import type { Services } from '../app/services.ts'
import { proofRound } from '../proofs/plan-proofs.ts'
import { lookAtApprovals } from '../approvals/carry-out.ts'
import { judgeRuns } from '../retention/judge-runs.ts'
import { ledgerRound, planLedgerChecks, planPurges, planRetentionRuns } from '../retention/rounds.ts'
import { alertRounds } from '../alerting/rounds.ts'
import { measuringRounds } from '../measuring/rounds.ts'
import { orderDueCopies } from '../copies/copy-round.ts'
import { forgetOldRecords } from '../records/forget-old-records.ts'
import { lookForDisks } from '../copies/disks.ts'
import { orderRenewals } from '../copies/object-locks.ts'
import { orderThinning } from '../copies/thin-round.ts'
import { orderTamperTests } from '../copies/tamper-job.ts'
import { orderOwnBackup, ownBackupEvery } from '../own-backup/own-backup-job.ts'
import type { Round } from './round.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** Everything that server nodes do again and again by themselves. */
export const rounds: readonly Round[] = [
  { name: 'forget old events', every: hour, run: forgetOldEvents },
  { name: 'note what machines without agent sent', every: 10_000, run: noteArrivals },
  proofRound,
  { name: 'judge backup runs', every: minute, run: judgeRuns },
  { name: 'look at approvals', every: minute, run: lookAtApprovals },
  { name: 'plan retention', every: hour, run: planRetentionRuns },
  { name: ledgerRound, every: 10 * minute, run: planLedgerChecks },
  { name: 'plan purges', every: hour, run: planPurges },
  ...measuringRounds,
  ...alertRounds,
  { name: 'look for rotated disks', every: 10_000, run: lookForDisks },
  { name: 'order due copies', every: 10_000, run: orderDueCopies },
  { name: 'renew object locks', every: hour, run: orderRenewals },
  { name: 'order thinning of copies', every: hour, run: orderThinning },
  { name: 'order tamper tests', every: hour, run: orderTamperTests },
  { name: 'back the server up', every: ownBackupEvery, run: async (services) => void (await orderOwnBackup(services)) },
  forgetOldRecords,
]

/** Who was away for longer than a day asks for everything anew. */
async function forgetOldEvents({ store, clock }: Services): Promise<void> {
  await store.db
    .deleteFrom('events')
    .where('at', '<', clock.now() - day)
    .execute()
}
