import type { AgentJob } from './job.ts'
import { backupJob } from './back-up.ts'

/** Every kind of job that this agent does. */
export const agentJobs: readonly AgentJob[] = [backupJob]
