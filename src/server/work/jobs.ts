import { checkJob } from '../proofs/check-job.ts'
import { serverTestRestoreJob, serverTrialJob } from '../proofs/restore-jobs.ts'
import type { ServerJob } from './job.ts'

/** Every kind of operation that server nodes do. */
export const serverJobs: readonly ServerJob[] = [checkJob, serverTestRestoreJob, serverTrialJob]
