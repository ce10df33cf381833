import { checkJob } from '../proofs/check-job.ts'
import { serverTestRestoreJob, serverTrialJob } from '../proofs/restore-jobs.ts'
import { deleteRepositoryJob } from '../retention/delete-repository-job.ts'
import { ledgerCheckJob } from '../retention/ledger-check-job.ts'
import { purgeJob } from '../retention/purge-job.ts'
import { putBackJob } from '../retention/put-back-job.ts'
import { retentionJob } from '../retention/retention-job.ts'
import type { ServerJob } from './job.ts'

/** Every kind of operation that server nodes do. */
export const serverJobs: readonly ServerJob[] = [
  checkJob,
  serverTestRestoreJob,
  serverTrialJob,
  deleteRepositoryJob,
  ledgerCheckJob,
  purgeJob,
  putBackJob,
  retentionJob,
]
