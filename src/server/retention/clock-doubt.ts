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
export async function clockDoubt(services: Services): Promise<string | undefined> {
  const clocks = await machineClocks(services)
  if (clocks?.ahead === undefined)
    return clocks && 'no machine was heard of within the last hour, whose clock would confirm it'
  return contradiction(clocks.ahead)
}

/** The same for what can be put back: only that machines contradict the clock stops it, and not their silence. */
export async function clockContradiction(services: Services): Promise<string | undefined> {
  return contradiction((await machineClocks(services))?.ahead ?? 0)
}

/** By how many milliseconds the server's clock is ahead of those of the machines, if that is more than clocks may be apart. */
export async function clockAheadOfMachines(services: Services): Promise<number | undefined> {
  const { ahead = 0 } = (await machineClocks(services)) ?? {}
  return Math.abs(ahead) <= mostApart ? undefined : -ahead
}

function contradiction(ahead: number): string | undefined {
  const apart = Math.abs(ahead)
  return apart <= mostApart ? undefined : `the clocks of the machines differ from it by ${formatSpan(apart)}`
}

/** How far the machines' clocks are ahead, the one in the middle; undefined in it: none was heard of. Undefined: there are none. */
async function machineClocks({ store, clock }: Services): Promise<{ readonly ahead: number | undefined } | undefined> {
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
  return { ahead: median(heard.map(({ clockAheadMs }) => clockAheadMs ?? 0)) }
}
