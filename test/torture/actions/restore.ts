import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { TortureFailure } from '../failure.ts'
import { decideDisturbance } from '../faults/disturbance.ts'
import type { Disturbance } from '../faults/disturbance.ts'
import { assertEqual, assertRestores, differences, pathOf } from '../judge.ts'
import type { Expectation } from '../model.ts'
import { atShare, chance, derivedSeed, pickWeighted, randomFrom } from '../random.ts'
import type { Random } from '../random.ts'
import { changeTree } from '../source-tree.ts'
import type { TorturedRepository, World } from '../world.ts'
import { chosenRepository, hasSucceeded } from './action.ts'
import type { Action, RunContext } from './action.ts'

interface RestoreOrder {
  readonly kind: 'restore'
  readonly second: boolean
  /** Which snapshot, as a share of all. */
  readonly which: number
  readonly into: 'empty' | 'changed' | 'other' | 'part'
  /** For a part of the snapshot: what is brought back, or left out, of the names at its top. */
  readonly filter: '--include' | '--exclude'
  readonly name: number
  readonly flags: readonly string[]
  readonly disturbance: Disturbance
}

interface VerifyOrder {
  readonly kind: 'verify'
  readonly second: boolean
  readonly which: number
  readonly by: 'understudy' | 'restic'
}

export const restore: Action<RestoreOrder> = { kind: 'restore', weight: 14, decide: decideRestore, run: runRestore }

function decideRestore(random: Random): RestoreOrder {
  const { into } = pickWeighted(random, [
    { weight: 4, into: 'empty' },
    { weight: 4, into: 'changed' },
    { weight: 2, into: 'other' },
    { weight: 2, into: 'part' },
  ] as const)
  return {
    kind: 'restore',
    second: chance(random, 0.15),
    which: random.next(),
    into,
    filter: random.pick(['--include', '--exclude'] as const),
    name: random.next(),
    flags: random.pick([[], [], ['--sparse'], ['--verify'], ['--overwrite', 'if-changed', '--verify']]),
    disturbance: decideDisturbance(random, 0.35),
  }
}

interface Restoring {
  readonly repository: TorturedRepository
  readonly expectation: Expectation
  readonly id: string
  readonly target: string
}

async function runRestore(world: World, order: RestoreOrder, context: RunContext): Promise<void> {
  const repository = chosenRepository(world, order)
  const expectation = atShare(repository.model.expectations, order.which)
  const id = expectation && repository.model.idsOf(expectation.key)[0]
  if (!expectation || id === undefined) return
  const restoring = { repository, expectation, id, target: world.emptyFolder('target') }
  if (order.into === 'part') await restorePart(world, order, { restoring, context })
  else await restoreWhole(world, order, { restoring, context })
  rmSync(restoring.target, { recursive: true, force: true })
}

interface Work {
  readonly restoring: Restoring
  readonly context: RunContext
}

async function restoreWhole(world: World, order: RestoreOrder, { restoring, context }: Work): Promise<void> {
  const { expectation, target, repository, id } = restoring
  prepareTarget(world, order, { restoring, context })
  const isEmpty = order.into === 'empty'
  // A target that was changed behind its mtime is no work for a comparison by mtime.
  const flags = isEmpty
    ? order.flags
    : [...order.flags.filter((flag) => !/^(--overwrite|if-changed)$/.test(flag)), '--delete']
  const args = ['restore', `${id}:${world.source}`, '--target', target, ...flags]
  const ended = await world.programs.understudy({ storage: repository.storage, args, disturbance: order.disturbance })
  if (!hasSucceeded(ended, 'a restore', { tolerate: context.tolerate, disturbance: order.disturbance })) {
    if (context.tolerate !== 'nothing') return
    assertNothingShort(world, restoring, isEmpty)
    // Run again, it goes on from what is there.
    await world.programs.understudyOk({
      storage: repository.storage,
      args: [...args, ...(isEmpty ? ['--delete'] : [])],
    })
  }
  assertEqual(world, { expectation, target, by: 'understudy' })
}

/** After a restore that was cut off no file may look complete and be something else: under its name it is whole, or old. */
function assertNothingShort(world: World, { expectation, target }: Restoring, wasEmpty: boolean): void {
  if (!wasEmpty) return
  const wrong = differences(world, { expectation, target, by: 'understudy' })
  const short = wrong.filter(
    (line) => /: has (other content|\d+ bytes)/.test(line) && !pathOf(line).includes('.understudy-part-'),
  )
  if (short.length > 0) throw new TortureFailure('a restore that was cut off left files that look complete', short)
}

/** What lies in the target before. */
function prepareTarget({ references }: World, { into }: RestoreOrder, { restoring, context }: Work): void {
  const { expectation, target } = restoring
  if (into === 'empty') return
  const random = randomFrom(derivedSeed(context.seed, 3))
  if (into === 'changed') {
    rmSync(target, { recursive: true })
    execFileSync('cp', ['-a', references.pathOf(expectation.reference), target])
  } else {
    mkdirSync(`${target}/changing`, { recursive: true })
    mkdirSync(`${target}/everything`)
  }
  const folders = readdirSync(target).filter((name) => name !== 'busy')
  for (const name of folders) changeTree(`${target}/${name}`, random, into === 'changed' ? random.below(12) : 25)
}

/** Only one of the names at the top, or all but one. */
async function restorePart(world: World, order: RestoreOrder, { restoring, context }: Work): Promise<void> {
  const { expectation, target, repository, id } = restoring
  const reference = world.references.pathOf(expectation.reference)
  const names = readdirSync(reference).filter((name) => name !== 'busy' && !expectation.without.includes(name))
  const name = atShare(names, order.name)
  if (name === undefined) return
  const args = ['restore', `${id}:${world.source}`, '--target', target, order.filter, `/${name}`]
  const ended = await world.programs.understudy({ storage: repository.storage, args })
  if (!hasSucceeded(ended, 'a restore of a part', context)) return
  const isInclude = order.filter === '--include'
  const without = isInclude ? readdirSync(reference).filter((other) => other !== name) : [name]
  assertEqual(world, {
    expectation: { ...expectation, without: [...expectation.without, ...without] },
    target,
    by: 'understudy',
  })
  const tooMuch = without.filter((other) => existsSync(`${target}/${other}`) && other !== 'busy')
  if (tooMuch.length > 0) throw new TortureFailure(`${order.filter} /${name} brought back too much`, tooMuch)
}

/** Proves that a snapshot is there and right. */
export const verify: Action<VerifyOrder> = {
  kind: 'verify',
  weight: 9,
  decide: (random) => ({
    kind: 'verify',
    second: chance(random, 0.2),
    which: random.next(),
    by: random.pick(['understudy', 'restic', 'restic'] as const),
  }),
  async run(world, order) {
    const repository = chosenRepository(world, order)
    const expectation = atShare(repository.model.expectations, order.which)
    if (expectation) await assertRestores(world, repository, { expectation, by: order.by })
  },
}
