import { decideDisturbance } from '../faults/disturbance.ts'
import type { Disturbance } from '../faults/disturbance.ts'
import { atShare, chance } from '../random.ts'
import { chosenRepository, hasSucceeded } from './action.ts'
import type { Action } from './action.ts'

interface RewriteOrder {
  readonly kind: 'rewrite'
  readonly second: boolean
  readonly picks: readonly number[]
  readonly forget: boolean
  readonly disturbance: Disturbance
}

/** Takes a folder out of snapshots. The snapshot must never be gone in between, and everything else in it stays right. */
export const rewrite: Action<RewriteOrder> = {
  kind: 'rewrite',
  weight: 3,
  decide: (random) => ({
    kind: 'rewrite',
    second: chance(random, 0.1),
    picks: Array.from({ length: 1 + random.below(3) }, () => random.next()),
    forget: chance(random, 0.7),
    disturbance: decideDisturbance(random, 0.45),
  }),
  async run(world, order, { tolerate }) {
    const { storage, model } = chosenRepository(world, order)
    const all = model.expectations
    const chosen = new Set(order.picks.flatMap((share) => atShare(all, share) ?? []))
    const ids = [...chosen].flatMap(({ key }) => model.idsOf(key))
    if (ids.length === 0) return
    const args = ['rewrite', '--exclude', `${world.source}/everything`, ...(order.forget ? ['--forget'] : []), ...ids]
    const { disturbance } = order
    const ended = await world.programs.understudy({ storage, args, disturbance })
    hasSucceeded(ended, 'rewrite', { tolerate, disturbance })
    // It may have been done, or not; either way nothing else may be missing.
    for (const expectation of chosen) {
      if (model.expectationOf(expectation.key)) {
        model.promised({ ...expectation, without: [...new Set([...expectation.without, 'everything'])] })
      }
    }
  },
}
