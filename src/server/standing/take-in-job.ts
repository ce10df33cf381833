import { formatCount } from '#base'
import type { Outcome } from '#protocol'
import { z } from 'zod'
import { takeIn } from '../rebuild/take-in.ts'
import { loadSubject } from '../retention/subject.ts'
import { serverJob } from '../work/job.ts'
import { takeInKind } from './order-take-ins.ts'

/** The ledger of a repository learns what lies in its storage, after the control data was put back from an earlier day. */
export const takeInJob = serverJob({
  kind: takeInKind,
  order: z.object({ repository: z.string(), because: z.string() }),
  async run({ repository: id, because }, { services, signal }): Promise<Outcome> {
    const { repository } = await loadSubject(services, id)
    const { learned, missing, returned } = await takeIn(services, repository, { because, signal })
    const result = { learned, missing, returned }
    const reason = `The ledger has learned of ${formatCount(learned.length, 'snapshot')}; ${missing.length} are missing, ${returned.length} are there again.`
    return { state: missing.length + returned.length > 0 ? 'warnings' : 'done', reason, result }
  },
})
