import { decideDisturbance } from '../faults/disturbance.ts'
import type { Disturbance } from '../faults/disturbance.ts'
import { chance } from '../random.ts'
import type { Random } from '../random.ts'
import { chosenRepository, clearStaleLocks, hasSucceeded } from './action.ts'
import type { Action } from './action.ts'

interface PruneOrder {
  readonly kind: 'prune'
  readonly second: boolean
  readonly flags: readonly string[]
  readonly disturbance: Disturbance
}

interface ResticPruneOrder {
  readonly kind: 'restic prune'
  readonly second: boolean
  readonly maxUnused: string
}

export const prune: Action<PruneOrder> = {
  kind: 'prune',
  weight: 9,
  decide: (random) => ({
    kind: 'prune',
    second: chance(random, 0.12),
    flags: [...decidePruneFlags(random), ...(chance(random, 0.08) ? ['--dry-run'] : [])],
    disturbance: decideDisturbance(random, 0.45),
  }),
  async run(world, order, { tolerate }) {
    const { storage } = chosenRepository(world, order)
    const { disturbance } = order
    const ended = await world.programs.understudy({ storage, args: ['prune', ...order.flags], disturbance })
    hasSucceeded(ended, 'prune', { tolerate, disturbance })
  },
}

export function decidePruneFlags(random: Random): string[] {
  const flags: string[] = []
  if (chance(random, 0.6)) flags.push('--keep-deleted', random.pick(['0', '0', '1s', '5s', '1h']))
  if (chance(random, 0.6)) flags.push('--max-unused', random.pick(['0', '0', '1%', '50%', '100K', 'unlimited']))
  if (chance(random, 0.15)) flags.push('--max-repack-size', random.pick(['1', '100K', '3M']))
  if (chance(random, 0.1)) flags.push('--repack-cacheable-only')
  if (chance(random, 0.1)) flags.push('--repack-uncompressed')
  if (chance(random, 0.15)) flags.push('--repack-smaller-than', random.pick(['10K', '3M', '16M']))
  return flags
}

/** restic deletes at once what we let wait. */
export const resticPrune: Action<ResticPruneOrder> = {
  kind: 'restic prune',
  weight: 2,
  decide: (random) => ({
    kind: 'restic prune',
    second: chance(random, 0.12),
    maxUnused: random.pick(['0', '5%', 'unlimited']),
  }),
  async run(world, order, { tolerate }) {
    const repository = chosenRepository(world, order)
    if (tolerate === 'nothing') await clearStaleLocks(world, repository)
    const args = ['prune', '--max-unused', order.maxUnused, '--no-cache']
    const ended = await world.programs.restic({ storage: repository.storage, args })
    if (tolerate === 'nothing') hasSucceeded(ended, 'a prune by restic', { tolerate })
  },
}
