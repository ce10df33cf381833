import { TortureFailure } from '../failure.ts'
import { decideDisturbance } from '../faults/disturbance.ts'
import type { Disturbance } from '../faults/disturbance.ts'
import { settle } from '../judge.ts'
import { atShare, chance } from '../random.ts'
import type { TorturedRepository, World } from '../world.ts'
import { chosenRepository, hasSucceeded } from './action.ts'
import type { Action, RunContext } from './action.ts'
import { decidePruneFlags } from './prune.ts'

interface ForgetOrder {
  readonly kind: 'forget'
  readonly second: boolean
  /** Which snapshots, as shares of all; or how many of the last to keep. */
  readonly what: { readonly picks: readonly number[] } | { readonly keepLast: number }
  readonly dryRun: boolean
  readonly pruneFlags: readonly string[]
  readonly disturbance: Disturbance
}

export const forget: Action<ForgetOrder> = {
  kind: 'forget',
  weight: 9,
  decide: (random) => ({
    kind: 'forget',
    second: chance(random, 0.12),
    what: chance(random, 0.6)
      ? { picks: Array.from({ length: 1 + random.below(4) }, () => random.next()) }
      : { keepLast: 1 + random.below(9) },
    dryRun: chance(random, 0.08),
    pruneFlags: chance(random, 0.3) ? ['--prune', ...decidePruneFlags(random)] : [],
    disturbance: decideDisturbance(random, 0.35),
  }),
  async run(world, order, context) {
    const repository = chosenRepository(world, order)
    if ('picks' in order.what) await forgetPicked(world, order, { repository, picks: order.what.picks, context })
    else if (context.tolerate === 'nothing')
      await forgetByPolicy(world, order, { repository, keepLast: order.what.keepLast, context })
  },
}

interface Picked {
  readonly repository: TorturedRepository
  readonly picks: readonly number[]
  readonly context: RunContext
}

async function forgetPicked(world: World, order: ForgetOrder, { repository, picks, context }: Picked): Promise<void> {
  const { model, storage } = repository
  const all = model.expectations
  const keys = new Set(picks.flatMap((share) => atShare(all, share)?.key ?? []))
  const ids = [...keys].flatMap((key) => model.idsOf(key))
  if (ids.length === 0) return
  const args = ['forget', ...ids, ...(order.dryRun ? ['--dry-run'] : []), ...order.pruneFlags]
  const { disturbance } = order
  if (!order.dryRun) model.perhapsForgotten(keys)
  const ended = await world.programs.understudy({ storage, args, disturbance })
  const { tolerate } = context
  if (hasSucceeded(ended, 'forget', { tolerate, disturbance }) && !order.dryRun) model.forgotten(keys)
}

interface ByPolicy extends Omit<Picked, 'picks'> {
  readonly keepLast: number
}

async function forgetByPolicy(
  world: World,
  order: ForgetOrder,
  { repository, keepLast, context }: ByPolicy,
): Promise<void> {
  const { model, storage } = repository
  await settle(world, repository)
  const before = model.expectations.map(({ key }) => key)
  const idsBefore = model.ids.size
  const args = ['forget', '--group-by', '', '--keep-last', String(keepLast), ...(order.dryRun ? ['--dry-run'] : [])]
  const { disturbance } = order
  if (!order.dryRun) model.perhapsForgotten(before)
  const ended = await world.programs.understudy({ storage, args: [...args, ...order.pruneFlags], disturbance })
  const isDone = hasSucceeded(ended, 'forget', { ...context, disturbance })
  await settle(world, repository)
  const left = model.ids.size
  const least = order.dryRun ? idsBefore : Math.min(keepLast, idsBefore)
  if (left < least) throw new TortureFailure(`forget --keep-last ${keepLast} left ${left} of ${idsBefore} snapshots`)
  if (isDone && left > Math.max(least, keepLast))
    world.journal.note('snapshots of the future do not count', { left, keepLast })
}
