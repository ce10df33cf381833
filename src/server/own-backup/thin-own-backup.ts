import type { Cancellable } from '#base'
import { planRetention } from '#policy'
import type { RetentionPolicy } from '#policy'
import { forgetSnapshots, loadSnapshots, lockRepository, prune } from '#repository'
import type { Repository } from '#repository'
import type { Services } from '../app/services.ts'
import { readSafety } from '../approvals/settings.ts'
import { clockDoubt } from '../retention/clock-doubt.ts'
import { noteOwnBackup, ownBackupState, ownRepositoryName } from './own-repository.ts'

/**
 * Of the server's own backup a day's are kept, then one a day for a week, one a week for a month, one a month for a year. It
 * counts what is there and asks no clock, so that a clock that was set ahead empties nothing.
 */
export const ownKeep: RetentionPolicy = { last: 8, counts: { daily: 7, weekly: 5, monthly: 12 } }

const day = 86_400_000
const lockWait = 60_000

/**
 * Thins the server's own backup out, once a day, and not while a client may have been attacked: whoever came in there may have
 * come in here, too. Returns how many snapshots went.
 */
export async function thinOwnBackup(
  services: Services,
  repository: Repository,
  { ownTag, signal }: Cancellable & { readonly ownTag: string },
): Promise<number> {
  const { clock } = services
  const now = clock.now()
  const { thinnedAt, secrets } = await ownBackupState(services)
  if (thinnedAt !== null && Math.abs(now - thinnedAt) < day) return 0
  if ((await isAnybodyAttacked(services)) || (await clockDoubt(services)) !== undefined) return 0
  await using lock = await lockRepository(repository, { exclusive: true, retryFor: lockWait, clock, signal })
  const listed = await loadSnapshots(repository, { signal: lock.signal })
  const own = listed.flatMap(({ id, time, tags }) => {
    const received = Date.parse(time)
    return (tags ?? []).includes(ownTag) && !Number.isNaN(received) ? [{ id, received, claimed: received }] : []
  })
  const { groups } = planRetention(own, ownKeep, { now, timeZone: 'UTC' })
  const going = new Set(groups.flatMap(({ remove }) => remove.map(({ id }) => id)))
  if (going.size > 0) {
    await forgetSnapshots(repository, going, { lock, mustLeave: listed.length - going.size, signal: lock.signal })
    await prune(repository, { threads: 1, lock, clock })
  }
  if (secrets.location === null) await emptyQuarantine(services, { signal })
  await noteOwnBackup(services, { thinnedAt: now })
  return going.size
}

async function isAnybodyAttacked({ store }: Services): Promise<boolean> {
  const attacked = store.db.selectFrom('clients').select('id').where('state', '=', 'attacked')
  return (await attacked.executeTakeFirst()) !== undefined
}

/** What was set aside in the server's own storage, which nobody else looks after. */
async function emptyQuarantine({ store, storage }: Services, options: Cancellable): Promise<void> {
  const { softDeleteDays } = await readSafety(store.db)
  await (await storage.quarantine(ownRepositoryName)).purge(softDeleteDays * day, options)
}
