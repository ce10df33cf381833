import { setTimeout as sleep } from 'node:timers/promises'
import type { Disturbance } from '../faults/disturbance.ts'
import { pickWeighted } from '../random.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'
import type { Action, Order, RunContext } from './action.ts'
import { backup, decideBackup, resticBackup } from './backup.ts'
import { check, look } from './check.ts'
import { forget } from './forget.ts'
import { prune, resticPrune } from './prune.ts'
import { restore } from './restore.ts'

interface TogetherOrder {
  readonly kind: 'together'
  readonly parts: readonly Part[]
}

interface Part {
  readonly order: Order
  /** Milliseconds after the first. */
  readonly after: number
}

const quietBackup: Action = {
  ...backup,
  decide: (random) => ({ ...decideBackup(random, { disturbed: 0.25 }), busy: false }),
}

const taking: readonly Action[] = [
  { ...quietBackup, weight: 10 },
  { ...resticBackup, weight: 3 },
  { ...prune, weight: 6 },
  { ...resticPrune, weight: 2 },
  { ...forget, weight: 3 },
  { ...restore, weight: 3 },
  { ...check, weight: 2 },
  { ...look, weight: 2 },
]

/** Several processes at once. */
export const together: Action<TogetherOrder> = {
  kind: 'together',
  weight: 9,
  decide: (random) => ({
    kind: 'together',
    parts: Array.from({ length: 2 + random.below(3) }, () => decidePart(random)),
  }),
  async run(world, { parts }, context) {
    // All are waited for, also when one finds something: nothing may run on behind the judge's back.
    const ended = await Promise.allSettled(
      parts.map((part, i) => runPart(world, part, { ...context, seed: context.seed + i })),
    )
    for (const result of ended) if (result.status === 'rejected') throw result.reason as Error
  },
}

function decidePart(random: Random): Part {
  const order = pickWeighted(random, taking).decide(random)
  return { order: alone(order), after: random.below(1200) }
}

/** What is wrong with the disk or the line would be wrong for all of them. */
function alone(order: Order): Order {
  const { disturbance } = order as Order & { readonly disturbance?: Disturbance }
  if (disturbance?.kind !== 'full' && disturbance?.kind !== 'network') return order
  return { ...order, disturbance: { kind: 'none' } } as Order
}

async function runPart(world: World, { order, after }: Part, context: RunContext): Promise<void> {
  await sleep(after)
  const action = taking.find(({ kind }) => kind === order.kind) as Action
  await action.run(world, order, { ...context, tolerate: 'others' })
}
