import type { ServerJob } from './job.ts'

/** Every kind of operation that server nodes do. */
export const serverJobs: readonly ServerJob[] = []
