import { formatSpan, median } from '#base'
import type { Services } from '../app/services.ts'

const hour = 3_600_000
/** Further apart than this no two clocks are that are kept. */
const mostApart = hour

/**
 * Why the server's clock must not decide what goes for good; undefined: nothing speaks against it. A clock that was set a year
 * ahead would end every delay and empty every quarantine at once, so the clocks of the machines are held against it: those that
 * were heard of within the last hour, as the server counts it. Where machines are known and none was heard of, nobody confirms
 * the clock, and what is irreversible waits.
 */
export async function clockDoubt({ store, clock }: Services): Promise<string | undefined> {
  const machines = await store.db
    .selectFrom('machines')
    .select(['lastSeenAt', 'clockAheadMs'])
    .where('state', '=', 'approved')
    .where('publicKey', 'is not', null)
    .where('clockAheadMs', 'is not', null)
    .execute()
  if (machines.length === 0) return undefined
  const since = clock.now() - hour
  const heard = machines.filter(({ lastSeenAt }) => lastSeenAt !== null && lastSeenAt >= since)
  if (heard.length === 0) return 'no machine was heard of within the last hour, whose clock would confirm it'
  const apart = Math.abs(median(heard.map(({ clockAheadMs }) => clockAheadMs ?? 0)) ?? 0)
  return apart <= mostApart ? undefined : `the clocks of the machines differ from it by ${formatSpan(apart)}`
}
