import { busyName, keepBusy } from '../busy.ts'
import { decideDisturbance, mayFail } from '../faults/disturbance.ts'
import type { Disturbance } from '../faults/disturbance.ts'
import type { Expectation } from '../model.ts'
import type { Ended } from '../programs.ts'
import { chance, derivedSeed, randomFrom } from '../random.ts'
import type { Random } from '../random.ts'
import type { TorturedRepository, World } from '../world.ts'
import { chosenRepository, clearStaleLocks, hasSucceeded } from './action.ts'
import type { Action, RunContext } from './action.ts'

export interface BackupOrder {
  readonly kind: 'backup'
  readonly second: boolean
  /** The source is written while it is read. */
  readonly busy: boolean
  readonly flags: readonly string[]
  /** Names at the top of the source that are left out. */
  readonly without: readonly string[]
  readonly disturbance: Disturbance
}

interface ResticBackupOrder {
  readonly kind: 'restic backup'
  readonly second: boolean
}

/** With these a change behind the mtime is not seen. */
const blindFlags: ReadonlySet<string> = new Set(['--ignore-ctime', '--ignore-inode'])

const flagSets: readonly (readonly string[])[] = [
  [],
  [],
  [],
  ['--force'],
  ['--ignore-ctime'],
  ['--ignore-inode'],
  ['--compression', 'off'],
  ['--compression', 'max'],
  ['--pack-size', '4'],
  ['--no-cache'],
  ['--read-concurrency', '1'],
  ['--read-concurrency', '5', '--pack-size', '4'],
  ['--no-scan', '--json'],
  ['-vv'],
]

export const backup: Action<BackupOrder> = {
  kind: 'backup',
  weight: 26,
  decide: (random) => decideBackup(random),
  run: runBackup,
}

export function decideBackup(random: Random, { disturbed = 0.45 }: { readonly disturbed?: number } = {}): BackupOrder {
  return {
    kind: 'backup',
    second: chance(random, 0.08),
    busy: chance(random, 0.12),
    flags: random.pick(flagSets),
    without: chance(random, 0.06) ? ['everything'] : [],
    disturbance: decideDisturbance(random, disturbed),
  }
}

async function runBackup(world: World, order: BackupOrder, context: RunContext): Promise<void> {
  const { disturbance, flags, without } = order
  const repository = chosenRepository(world, order)
  const blind = flags.some((flag) => blindFlags.has(flag))
  const expectation: Expectation = { key: world.newKey(), reference: world.freeze(), busy: order.busy, blind, without }
  const excludes = without.flatMap((name) => ['--exclude', `${world.source}/${name}`])
  const args = ['backup', '--host', 'tortured', '--tag', expectation.key, ...flags, ...excludes, world.source]
  using _busy = order.busy ? startBusy(world, context) : undefined
  const ended = await world.programs.understudy({ storage: repository.storage, args, disturbance })
  note(world, repository, { expectation, ended, order, context })
}

interface Outcome {
  readonly expectation: Expectation
  readonly ended: Ended
  readonly order: BackupOrder
  readonly context: RunContext
}

function note({ tally }: World, { model }: TorturedRepository, { expectation, ended, order, context }: Outcome): void {
  const { disturbance, busy } = order
  // What is written while it is read may be gone when its turn comes; a fault of the storage is no reason.
  const isPartly = ended.how === 'incomplete' && busy
  if (isPartly || hasSucceeded(ended, 'a backup', { tolerate: context.tolerate, disturbance })) {
    tally.add('snapshotsMade')
    return model.promised(expectation)
  }
  if (ended.wasDisturbed || mayFail(disturbance) || context.tolerate !== 'nothing') model.perhaps(expectation)
}

/** Something writes in the source from now on. */
function startBusy({ source, references }: World, { seed }: Pick<RunContext, 'seed'>): Disposable {
  references.sourceChanged()
  return keepBusy(`${source}/${busyName}`, randomFrom(derivedSeed(seed, 2)))
}

/** restic as the second writer. */
export const resticBackup: Action<ResticBackupOrder> = {
  kind: 'restic backup',
  weight: 5,
  decide: (random) => ({ kind: 'restic backup', second: chance(random, 0.1) }),
  async run(world, order, { tolerate }) {
    const repository = chosenRepository(world, order)
    const expectation = { key: world.newKey(), reference: world.freeze(), busy: false, without: [] }
    if (tolerate === 'nothing') await clearStaleLocks(world, repository)
    const args = ['backup', '--host', 'tortured', '--tag', expectation.key, world.source]
    const ended = await world.programs.restic({ storage: repository.storage, args })
    if (ended.how === 'ok') repository.model.promised(expectation)
    else if (tolerate !== 'nothing') repository.model.perhaps(expectation)
    else hasSucceeded(ended, 'a backup by restic', { tolerate })
  },
}
