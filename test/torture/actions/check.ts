import { decideDisturbance } from '../faults/disturbance.ts'
import type { Disturbance } from '../faults/disturbance.ts'
import { assertSound } from '../judge.ts'
import { chance } from '../random.ts'
import { chosenRepository, hasSucceeded } from './action.ts'
import type { Action } from './action.ts'

interface CheckOrder {
  readonly kind: 'check'
  readonly second: boolean
  readonly by: 'understudy' | 'restic'
  readonly readData: boolean
  readonly disturbance: Disturbance
}

interface LookOrder {
  readonly kind: 'look'
  readonly second: boolean
  readonly args: readonly string[]
}

/** The repository must be sound, whatever has happened to it. */
export const check: Action<CheckOrder> = {
  kind: 'check',
  weight: 8,
  decide: (random) => ({
    kind: 'check',
    second: chance(random, 0.15),
    by: random.pick(['understudy', 'restic'] as const),
    readData: chance(random, 0.5),
    disturbance: decideDisturbance(random, 0.2),
  }),
  async run(world, order, { tolerate }) {
    const repository = chosenRepository(world, order)
    const { by, readData, disturbance } = order
    const isPlain = tolerate === 'nothing' && disturbance.kind === 'none'
    if (isPlain || (by === 'restic' && tolerate === 'nothing'))
      return await assertSound(world, repository, { by, readData })
    const args = ['check', ...(readData ? ['--read-data'] : [])]
    const ended = await world.programs.understudy({ storage: repository.storage, args, disturbance })
    hasSucceeded(ended, 'check', { tolerate, disturbance })
  },
}

/** Commands that only look must work at any time. */
export const look: Action<LookOrder> = {
  kind: 'look',
  weight: 3,
  decide: (random) => ({
    kind: 'look',
    second: chance(random, 0.15),
    args: random.pick([
      ['snapshots'],
      ['snapshots', '--json'],
      ['stats'],
      ['stats', '--mode', 'raw-data'],
      ['list', 'packs'],
      ['list', 'locks'],
      ['cat', 'config'],
      ['unlock'],
      ['key', 'list'],
      ['snapshots', '--no-lock'],
    ]),
  }),
  async run(world, order, { tolerate }) {
    const ended = await world.programs.understudy({ storage: chosenRepository(world, order).storage, args: order.args })
    // A snapshot that is forgotten while it is read is gone.
    if (!(tolerate !== 'nothing' && ended.how === 'SNAPSHOTS_DAMAGED')) hasSucceeded(ended, 'a look', { tolerate })
  },
}
