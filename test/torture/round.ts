/** A round: one repository from its making to its end, with steps at random in between. */
import { globSync, statSync } from 'node:fs'
import { actionFor, decideOrder } from './actions/index.ts'
import type { Order } from './actions/index.ts'
import { TortureFailure } from './failure.ts'
import { assertRestores, assertSound, settle } from './judge.ts'
import { derivedSeed, randomFrom } from './random.ts'
import type { World } from './world.ts'

export interface PlannedStep {
  readonly step: number
  readonly seed: number
  readonly order: Order
}

/** The steps that a seed stands for: they do not depend on what happens. */
export function* plannedSteps(roundSeed: number): Generator<PlannedStep> {
  const length = 15 + randomFrom(derivedSeed(roundSeed, 1)).below(40)
  for (let step = 1; step <= length; step++) {
    const seed = derivedSeed(roundSeed, step + 100)
    yield { step, seed, order: decideOrder(randomFrom(seed)) }
  }
}

/** Where the repository of a round lies, by its seed: a share of the kinds' weights. */
export function storageShare(roundSeed: number): number {
  return randomFrom(derivedSeed(roundSeed, 2)).next()
}

export interface RoundOptions {
  readonly round: number
  readonly steps: Iterable<PlannedStep>
  /** Asked before each step. */
  readonly hasTime: () => boolean
}

export async function runRound(world: World, { round, steps, hasTime }: RoundOptions): Promise<void> {
  await world.init(world.repositories[0])
  await world.init(world.repositories[1], [
    '--copy-chunker-params',
    '--from-repo',
    world.repositories[0].storage.folder,
  ])
  for (const planned of steps) {
    if (!hasTime()) break
    await runStep(world, round, planned)
  }
  await proveAll(world)
}

async function runStep(world: World, round: number, { step, seed, order }: PlannedStep): Promise<void> {
  world.journal.step({ round, step, seed, order })
  world.tally.step(order.kind)
  await actionFor(order).run(world, order, { seed, tolerate: 'nothing' })
  for (const repository of world.repositories) await settle(world, repository)
  world.tidy()
}

/** The end of a round: no fault any more, and everything that was promised must be there and right. */
async function proveAll(world: World): Promise<void> {
  world.journal.note('the end: everything is proven')
  for (const repository of world.repositories) {
    await assertSound(world, repository, { by: 'restic', readData: true })
    await assertSound(world, repository, { by: 'understudy', readData: true })
    for (const [i, expectation] of repository.model.expectations.entries()) {
      await assertRestores(world, repository, { expectation, by: i % 2 === 0 ? 'understudy' : 'restic' })
    }
    assertNoneEmpty(repository.storage.folder)
  }
}

/** What was cut off may leave temporary files, but none under a valid name that is empty. */
function assertNoneEmpty(folder: string): void {
  const empty = globSync('{data/*,snapshots,index,keys}/*', { cwd: folder }).filter((name) => {
    const stat = statSync(`${folder}/${name}`, { throwIfNoEntry: false })
    return /[0-9a-f]{64}$/.test(name) && stat?.isFile() === true && stat.size === 0
  })
  if (empty.length > 0) throw new TortureFailure('there are empty files under valid names', empty)
}
