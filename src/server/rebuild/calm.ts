import type { Transaction } from 'kysely'
import { dayOf } from '../endpoint/index.ts'
import type { Tables } from '../store/tables.ts'

export interface Calming {
  /** A clause: why things are not as they were. */
  readonly because: string
  /** Milliseconds since 1970. */
  readonly now: number
  /** What somebody is just doing goes on: it was begun after the control data was put back. */
  readonly keepsFresh?: boolean
}

/**
 * For control data that is behind what was: what was under way then is over now, what could be used once may have been, what
 * waited for a yes may have been withdrawn, what was set aside may have been put back, and nothing is thinned before somebody
 * looks.
 */
export async function calm(
  transaction: Transaction<Tables>,
  { because, now, keepsFresh = false }: Calming,
): Promise<void> {
  const reason = `It is not known how it ended: ${because}.`
  let open = transaction
    .updateTable('operations')
    .set((row) => ({
      state: 'cancelled',
      endedAt: now,
      claimedUntil: null,
      reason,
      claimEpoch: row('claimEpoch', '+', 1),
    }))
    .where('state', 'in', ['waiting', 'running'])
  if (keepsFresh)
    open = open.where((where) => where.or([where('state', '=', 'waiting'), where('claimedUntil', '<', now)]))
  await open.execute()
  await transaction.updateTable('enrolmentLines').set({ usesLeft: 0 }).execute()
  await transaction.updateTable('setUpLinks').set({ usedAt: now }).where('usedAt', 'is', null).execute()
  await transaction
    .updateTable('approvals')
    .set({ state: 'withdrawn', decidedBy: 'server', decidedAt: now })
    .where('state', 'in', ['waiting', 'allowed'])
    .execute()
  // Packs and indexes that nobody needs the next prune finds again; those that somebody needs must not be hidden, or purged. A
  // snapshot that is shown again would look like one that an attacker has brought back: it stays aside, as if since today.
  await transaction.deleteFrom('tombstones').where('type', 'in', ['pack', 'index']).execute()
  await transaction
    .updateTable('tombstones')
    .set({ day: dayOf(now) })
    .execute()
  await transaction.updateTable('repositories').set({ held: 1, heldBecause: because }).where('held', '=', 0).execute()
}
