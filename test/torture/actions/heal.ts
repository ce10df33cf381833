/** Mends a damaged repository with our own commands, and judges what became of each snapshot. */
import { mkdirSync } from 'node:fs'
import { TortureFailure } from '../failure.ts'
import { mayFail } from '../faults/disturbance.ts'
import type { Disturbance } from '../faults/disturbance.ts'
import { assertRestores, assertSound, differences, settle } from '../judge.ts'
import type { Expectation } from '../model.ts'
import { refuse } from '../programs.ts'
import type { TorturedRepository, World } from '../world.ts'
import { clearStaleLocks } from './action.ts'
import { couldBeRightByLuck, pathsOf, restoreBy } from './damaged-restore.ts'

export interface Heal {
  readonly type: 'pack' | 'index'
  /** Name of the damaged file. */
  readonly name: string
  readonly disturbance: Disturbance
}

/** What restic could still restore before the repair: the least that must be right after it. */
type Before = ReadonlyMap<
  string,
  { readonly id: string; readonly wrong: ReadonlySet<string>; readonly isHopeless: boolean }
>

/** A repair may be killed at any time, and is run again. Snapshots that lost something are forgotten in the end. */
export async function heal(world: World, repository: TorturedRepository, how: Heal): Promise<void> {
  const before = await look(world, repository)
  for (const args of repairs(how)) {
    await clearStaleLocks(world, repository)
    await repair(world, repository, args, how.disturbance)
  }
  await judgeRepaired(world, repository, before)
  await assertSound(world, repository, { by: 'restic', readData: true })
}

function repairs({ type, name }: Heal): readonly (readonly string[])[] {
  const snapshots = ['repair', 'snapshots', '--forget']
  if (type === 'index') return [['repair', 'index']]
  return [['repair', 'packs', name], ['repair', 'index'], snapshots]
}

async function repair(
  world: World,
  { storage }: TorturedRepository,
  args: readonly string[],
  disturbance: Disturbance,
): Promise<void> {
  const cwd = world.emptyFolder('copies')
  mkdirSync(cwd, { recursive: true })
  const first = await world.programs.understudy({ storage, args, disturbance, cwd })
  if (first.how === 'ok') return
  if (!first.wasDisturbed && !mayFail(disturbance)) refuse(`${args.join(' ')} ended with ${first.how}`, first)
  const again = await world.programs.understudy({ storage, args, cwd })
  // A pack that the first run has dealt with is not there any more.
  const isDone = again.how === 'ok' || (args[1] === 'packs' && again.how === 'OBJECT_NOT_FOUND')
  if (!isDone) refuse(`${args.join(' ')}, run again, ended with ${again.how}`, again)
}

async function look(world: World, repository: TorturedRepository): Promise<Before> {
  const before = new Map<string, { id: string; wrong: ReadonlySet<string>; isHopeless: boolean }>()
  for (const expectation of repository.model.expectations) {
    const { ended, target, found } = await restoreBy(world, repository, { expectation, by: 'restic' })
    const [id = ''] = repository.model.idsOf(expectation.key)
    const isHopeless = ended.how !== 'ok'
    // Content that a backup without a look at ctime leaves open may be what is lost.
    const seen = { expectation: { ...expectation, blind: false }, target, by: 'restic' } as const
    before.set(expectation.key, { id, wrong: pathsOf(isHopeless ? differences(world, seen) : found), isHopeless })
  }
  return before
}

async function judgeRepaired(world: World, repository: TorturedRepository, before: Before): Promise<void> {
  const { model } = repository
  model.perhapsForgotten([...before].filter(([, { isHopeless }]) => isHopeless).map(([key]) => key))
  await settle(world, repository)
  for (const expectation of model.expectations) {
    const known = before.get(expectation.key)
    if (!known) continue
    if (known.wrong.size === 0) await assertRestores(world, repository, { expectation, by: 'understudy' })
    else await judgeMaimed(world, repository, { expectation, wrong: known.wrong })
  }
}

/** What restic could still restore is right; the snapshot then goes, because nobody knows any more what it should be. */
async function judgeMaimed(
  world: World,
  repository: TorturedRepository,
  { expectation, wrong }: { readonly expectation: Expectation; readonly wrong: ReadonlySet<string> },
): Promise<void> {
  const { ended, target } = await restoreBy(world, repository, { expectation, by: 'understudy' })
  // A folder above the source may be what is lost: then nothing comes back, and below it must be shown that nothing could.
  const isAboveLost = ended.how === 'SUBFOLDER_NOT_FOUND'
  if (ended.how !== 'ok' && !isAboveLost)
    refuse(`after a repair ${expectation.key} cannot be restored: ${ended.how}`, ended)
  const left = pathsOf(differences(world, { expectation, target, by: 'understudy' }))
  const more = [...left].filter((path) => !wrong.has(path) && !couldBeRightByLuck(world, expectation, path))
  if (more.length > 0) throw new TortureFailure(`a repair took more from ${expectation.key} than was damaged`, more)
  const ids = repository.model.idsOf(expectation.key)
  await world.programs.resticOk({ storage: repository.storage, args: ['forget', ...ids, '--no-cache'] })
  repository.model.forgotten([expectation.key])
}
