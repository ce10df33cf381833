import { copyJob } from '../copies/copy-job.ts'
import { renewLocksJob } from '../copies/object-locks.ts'
import { tamperJob } from '../copies/tamper-job.ts'
import { thinCopyJob } from '../copies/thin-copy-job.ts'
import { ownBackupJob } from '../own-backup/own-backup-job.ts'
import { checkJob } from '../proofs/check-job.ts'
import { serverTestRestoreJob, serverTrialJob } from '../proofs/restore-jobs.ts'
import { deleteRepositoryJob } from '../retention/delete-repository-job.ts'
import { ledgerCheckJob } from '../retention/ledger-check-job.ts'
import { purgeJob } from '../retention/purge-job.ts'
import { putBackJob } from '../retention/put-back-job.ts'
import { retentionJob } from '../retention/retention-job.ts'
import { takeFirstCopyJob } from '../first-copy/take-first-copy-job.ts'
import { takeInJob } from '../standing/take-in-job.ts'
import type { ServerJob } from './job.ts'

/** Every kind of operation that server nodes do. */
export const serverJobs: readonly ServerJob[] = [
  checkJob,
  copyJob,
  deleteRepositoryJob,
  ledgerCheckJob,
  ownBackupJob,
  purgeJob,
  putBackJob,
  renewLocksJob,
  retentionJob,
  serverTestRestoreJob,
  serverTrialJob,
  takeFirstCopyJob,
  takeInJob,
  tamperJob,
  thinCopyJob,
]
