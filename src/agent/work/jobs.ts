import { deviceBackupJob } from './back-up-device.ts'
import { backupJob } from './back-up.ts'
import type { AgentJob } from './job.ts'
import { lookJob } from './look-job.ts'
import { restoreJob } from './restore.ts'
import { testRestoreJob, trialJob } from './test-restore.ts'
import { tryDumpsJob } from './try-dumps.ts'

/** Every kind of job that this agent does. */
export const agentJobs: readonly AgentJob[] = [
  backupJob,
  deviceBackupJob,
  lookJob,
  tryDumpsJob,
  restoreJob,
  testRestoreJob,
  trialJob,
]
