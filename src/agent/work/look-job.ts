import { z } from 'zod'
import { agentJob } from './job.ts'

/** A new look at what is on the machine. */
export const lookJob = agentJob({
  kind: 'look',
  order: z.object({}),
  async run(_, { look }) {
    const { volumes, findings, unseen } = await look()
    return { state: 'done', result: { volumes: volumes.length, findings: findings.length, unseen: unseen.length } }
  },
})
