import { decideDisturbance } from '../faults/disturbance.ts'
import type { Disturbance } from '../faults/disturbance.ts'
import { atShare, chance } from '../random.ts'
import { hasSucceeded } from './action.ts'
import type { Action } from './action.ts'

interface CopyOrder {
  readonly kind: 'copy'
  /** From the second to the first. */
  readonly back: boolean
  /** Which snapshots, as shares of all; none: all. */
  readonly picks: readonly number[]
  readonly disturbance: Disturbance
}

interface TagOrder {
  readonly kind: 'tag'
  readonly second: boolean
  readonly picks: readonly number[]
  readonly flags: readonly string[]
  readonly disturbance: Disturbance
}

export const copy: Action<CopyOrder> = {
  kind: 'copy',
  weight: 5,
  decide: (random) => ({
    kind: 'copy',
    back: chance(random, 0.15),
    picks: Array.from({ length: chance(random, 0.3) ? 0 : 1 + random.below(3) }, () => random.next()),
    disturbance: decideDisturbance(random, 0.4),
  }),
  async run({ repositories, programs }, order, { tolerate }) {
    const [first, second] = repositories
    const [from, to] = order.back ? [second, first] : [first, second]
    const all = from.model.expectations
    const chosen =
      order.picks.length === 0 ? all : [...new Set(order.picks.flatMap((share) => atShare(all, share) ?? []))]
    if (chosen.length === 0) return
    const ids = order.picks.length === 0 ? [] : chosen.flatMap(({ key }) => from.model.idsOf(key))
    const { disturbance } = order
    const args = ['copy', '--from-repo', from.storage.folder, ...ids]
    const ended = await programs.understudy({ storage: to.storage, args, disturbance })
    const isDone = hasSucceeded(ended, 'copy', { tolerate, disturbance })
    for (const expectation of chosen) {
      if (isDone) to.model.promised(expectation)
      else to.model.perhaps(expectation)
    }
  },
}

/** Tagging replaces the snapshot's file: the snapshot must never be gone in between. */
export const tag: Action<TagOrder> = {
  kind: 'tag',
  weight: 3,
  decide: (random) => ({
    kind: 'tag',
    second: chance(random, 0.1),
    picks: Array.from({ length: 1 + random.below(3) }, () => random.next()),
    flags: random.pick([
      ['--add', 'a'],
      ['--add', 'b,c'],
      ['--remove', 'a'],
    ]),
    disturbance: decideDisturbance(random, 0.4),
  }),
  async run({ repositories, programs }, order, { tolerate }) {
    const { storage, model } = repositories[order.second ? 1 : 0]
    const all = model.expectations
    const ids = new Set(order.picks.flatMap((share) => model.idsOf(atShare(all, share)?.key ?? '')))
    if (ids.size === 0) return
    const { disturbance } = order
    const ended = await programs.understudy({ storage, args: ['tag', ...order.flags, ...ids], disturbance })
    hasSucceeded(ended, 'tag', { tolerate, disturbance })
  },
}
