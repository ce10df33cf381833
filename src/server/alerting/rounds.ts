import type { Services } from '../app/services.ts'
import type { Round } from '../work/round.ts'

const minute = 60_000
const day = 24 * 60 * minute

/** Watching, and telling what is not as it should be. */
export const alertRounds: readonly Round[] = [
  {
    name: 'alerts',
    every: minute,
    evenIfSuperseded: true,
    run: async (services, options) => void (await services.alerting.cycle(services, options)),
  },
  { name: 'forget old alerts', every: day, run: forgetOldAlerts },
]

/** How long messages that have arrived, and how each went, can be looked up. */
const kept = 90 * day

async function forgetOldAlerts({ store: { db }, clock }: Services): Promise<void> {
  const before = clock.now() - kept
  await db.deleteFrom('alertAttempts').where('at', '<', before).execute()
  await db.deleteFrom('alertMessages').where('createdAt', '<', before).where('dueAt', 'is', null).execute()
}
