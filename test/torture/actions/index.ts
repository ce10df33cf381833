/** Everything that a step may be. */
import { pickWeighted } from '../random.ts'
import type { Random } from '../random.ts'
import type { Action, Order } from './action.ts'
import { backup, resticBackup } from './backup.ts'
import { change } from './change.ts'
import { check, look } from './check.ts'
import { copy, tag } from './copy.ts'
import { damage } from './damage.ts'
import { forget } from './forget.ts'
import { key } from './key.ts'
import { asleep, lock } from './locks.ts'
import { prune, resticPrune } from './prune.ts'
import { restore, verify } from './restore.ts'
import { rewrite } from './rewrite.ts'
import { together } from './together.ts'

export type { Action, Order, RunContext } from './action.ts'

const actions: readonly Action[] = [
  change,
  backup,
  resticBackup,
  restore,
  verify,
  forget,
  prune,
  resticPrune,
  check,
  look,
  copy,
  tag,
  rewrite,
  key,
  lock,
  asleep,
  damage,
  together,
]

/** What a step does: a pure function of the random numbers. */
export function decideOrder(random: Random): Order {
  return pickWeighted(random, actions).decide(random)
}

export function actionFor({ kind }: Order): Action {
  const action = actions.find((one) => one.kind === kind)
  if (!action) throw new Error(`There is no step of the kind "${kind}".`)
  return action
}
