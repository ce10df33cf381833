import { formatBytes, formatCount, hasCode, messageOf } from '#base'
import type { Outcome } from '#protocol'
import { z } from 'zod'
import { readSafety } from '../approvals/settings.ts'
import { serverJob } from '../work/job.ts'
import type { ServerJobWork } from '../work/job.ts'
import { careOf, measureRepository } from './care.ts'
import { clockDoubt } from './clock-doubt.ts'
import { guardOf, stoppedOutcome } from './deletion-guard.ts'
import { RetentionError } from './errors.ts'
import { removeDeletedRepository } from './delete-repository-job.ts'

const day = 86_400_000

/** Deletes for good what was set aside: by its age, or, when that was allowed, up to a day. */
export const purgeJob = serverJob({
  kind: 'purge',
  order: z.object({ repository: z.string(), upTo: z.iso.date().optional(), approval: z.string().optional() }),
  async run({ repository, upTo }, work) {
    try {
      return await purge(repository, upTo, work)
    } catch (thrown) {
      const stopped = stoppedOutcome(thrown)
      if (stopped) return stopped
      if (!hasCode(thrown, 'CLOCK_DOUBTED')) throw thrown
      return { state: 'cancelled', code: 'CLOCK_DOUBTED', reason: messageOf(thrown) }
    }
  },
})

async function purge(repositoryId: string, upTo: string | undefined, work: ServerJobWork): Promise<Outcome> {
  const { services, signal } = work
  const { store, storage, clock } = services
  const mayDelete = guardOf(work, repositoryId)
  await mayDelete()
  const doubt = await clockDoubt(services)
  if (doubt !== undefined) throw new RetentionError('CLOCK_DOUBTED', { reason: doubt })
  const { softDeleteDays } = await readSafety(store.db)
  const quarantine = await storage.quarantine(repositoryId)
  const olderThan = upTo === undefined ? softDeleteDays * day : clock.now() - (Date.parse(upTo) + day)
  try {
    const result = { ...(await quarantine.purge(olderThan, { signal, mayDelete })) }
    const reason = `${formatCount(result.files, 'file')} with ${formatBytes(result.bytes)} are gone for good.`
    return { state: 'done', reason, result }
  } finally {
    await measureRepository(services, repositoryId)
    const { deletedAt = null, usedBytes, softDeletedBytes } = (await careOf(store.db, repositoryId)) ?? {}
    // A put-back may have ended without noting it: what is there again needs its password.
    if (deletedAt !== null && usedBytes === 0 && softDeletedBytes === 0)
      await removeDeletedRepository(services, repositoryId)
  }
}
