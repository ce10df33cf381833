import { derivedSeed, randomFrom } from '../random.ts'
import { changeTree } from '../source-tree.ts'
import type { Action } from './action.ts'

interface ChangeOrder {
  readonly kind: 'change'
  readonly changes: number
}

/** Changes the source. */
export const change: Action<ChangeOrder> = {
  kind: 'change',
  weight: 14,
  decide: (random) => ({ kind: 'change', changes: 1 + random.below(random.pick([4, 15, 50])) }),
  async run({ source, references }, { changes }, { seed }) {
    references.sourceChanged()
    changeTree(`${source}/changing`, randomFrom(derivedSeed(seed, 1)), changes)
  },
}
