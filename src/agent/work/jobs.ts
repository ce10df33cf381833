import type { AgentJob } from './job.ts'
import { backupJob } from './back-up.ts'
import { restoreJob } from './restore.ts'
import { testRestoreJob, trialJob } from './test-restore.ts'

/** Every kind of job that this agent does. */
export const agentJobs: readonly AgentJob[] = [backupJob, restoreJob, testRestoreJob, trialJob]
