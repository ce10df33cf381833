import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { TortureFailure } from '../failure.ts'
import { damaged, decideDamage } from '../faults/damage.ts'
import type { Damage } from '../faults/damage.ts'
import { decideDisturbance } from '../faults/disturbance.ts'
import type { Disturbance } from '../faults/disturbance.ts'
import { assertEqual, settle, filesIn } from '../judge.ts'
import type { Expectation } from '../model.ts'
import { atShare, chance, pickWeighted } from '../random.ts'
import type { TorturedRepository, World } from '../world.ts'
import type { Action, Order } from './action.ts'
import { clearStaleLocks } from './action.ts'
import { backup, decideBackup } from './backup.ts'
import { couldBeRightByLuck, pathsOf, restoreBy } from './damaged-restore.ts'
import { forget } from './forget.ts'
import { heal } from './heal.ts'
import { prune } from './prune.ts'

interface DamageOrder {
  readonly kind: 'damage'
  readonly type: keyof typeof patterns
  /** Which file of the type, as a share; and another one. */
  readonly which: number
  readonly other: number
  readonly damage: Damage
  /** Which snapshots are restored from what is left, as shares. */
  readonly restored: readonly number[]
  /** What is tried on the damaged repository, before the file is put back. */
  readonly meanwhile: readonly Order[]
  /** Our own commands mend it, and the file is not put back. */
  readonly isHealed: boolean
  readonly disturbance: Disturbance
}

const patterns = {
  pack: 'data/*/*',
  index: 'index/*',
  snapshot: 'snapshots/*',
  key: 'keys/*',
  config: 'config',
} as const

const types = [
  { weight: 7, type: 'pack' },
  { weight: 4, type: 'index' },
  { weight: 3, type: 'snapshot' },
  { weight: 1, type: 'key' },
  { weight: 1, type: 'config' },
] as const

/**
 * Damages a file, and mends the repository or puts the file back in the end. In between: what restic finds damaged, we must find damaged; a restore that says it
 * is well must be; what restic can still restore, we can; and whatever is tried must leave everything else right.
 */
export const damage: Action<DamageOrder> = {
  kind: 'damage',
  weight: 7,
  decide: (random) => ({
    kind: 'damage',
    type: pickWeighted(random, types).type,
    which: random.next(),
    other: random.next(),
    damage: decideDamage(random),
    restored: Array.from({ length: 1 + random.below(2) }, () => random.next()),
    meanwhile: chance(random, 0.6) ? [decideMeanwhile(random)] : [],
    isHealed: chance(random, 0.35),
    disturbance: decideDisturbance(random, 0.4),
  }),
  run: runDamage,
}

function decideMeanwhile(random: Parameters<typeof decideBackup>[0]): Order {
  const { decide } = pickWeighted<{ weight: number; decide: () => Order }>(random, [
    { weight: 3, decide: () => ({ ...decideBackup(random, { disturbed: 0.2 }), second: false }) },
    { weight: 3, decide: () => ({ ...prune.decide(random), second: false }) },
    { weight: 1, decide: () => ({ ...forget.decide(random), second: false }) },
  ])
  return decide()
}

const helpers: readonly Action[] = [backup, prune, forget]

async function runDamage(world: World, order: DamageOrder, { seed }: { readonly seed: number }): Promise<void> {
  const repository = world.repositories[0]
  const injury = injure(repository, order)
  if (!injury) return
  world.tally.add('damages')
  await clearLocksOf(world, repository, order)
  const isBad = await compareVerdicts(world, repository, order)
  for (const share of order.restored) {
    const expectation = atShare(repository.model.expectations, share)
    // Of a snapshot whose own file is damaged there is nothing to compare.
    const isInjured = repository.model.idsOf(expectation?.key ?? '').includes(basename(injury.path))
    if (expectation && !isInjured) await compareRestores(world, repository, { expectation, isBad })
  }
  const { type } = order
  if (order.isHealed && (type === 'pack' || type === 'index')) {
    return await heal(world, repository, { type, name: basename(injury.path), disturbance: order.disturbance })
  }
  const isUndoable = await tryMeanwhile(world, repository, order, seed)
  if (isUndoable) writeFileSync(injury.path, injury.whole)
  else world.journal.note('the damage stays: prune has gone on without the file')
  await settle(world, repository)
}

interface Injury {
  readonly path: string
  readonly whole: Buffer
}

function injure(
  { storage: { folder } }: TorturedRepository,
  { type, which, other, damage: how }: DamageOrder,
): Injury | undefined {
  const files = globSync(patterns[type], { cwd: folder }).toSorted()
  const name = atShare(files, which)
  if (name === undefined) return undefined
  const path = `${folder}/${name}`
  const whole = readFileSync(path)
  const bytes = damaged(whole, how, readFileSync(`${folder}/${atShare(files, other)}`))
  if (bytes?.equals(whole)) return undefined
  rmSync(path)
  if (bytes) writeFileSync(path, bytes)
  return { path, whole }
}

/** Without a key or config nobody can even remove locks. */
async function clearLocksOf(world: World, repository: TorturedRepository, { type }: DamageOrder): Promise<void> {
  if (type !== 'key' && type !== 'config') await clearStaleLocks(world, repository)
}

/** What restic finds, we must find. Returns whether restic found anything. */
async function compareVerdicts(world: World, { storage }: TorturedRepository, order: DamageOrder): Promise<boolean> {
  const args = ['check', '--read-data']
  const ours = await world.programs.understudy({ storage, args })
  const theirs = await world.programs.restic({ storage, args: [...args, '--no-cache'] })
  const what = `a ${order.type} with the damage "${order.damage.kind}"`
  if (theirs.how !== 'ok' && ours.how === 'ok') {
    throw new TortureFailure(
      `check finds nothing wrong with ${what}, and restic does`,
      theirs.stderr.split('\n').slice(-15),
    )
  }
  if (theirs.how === 'ok' && ours.how !== 'ok')
    world.journal.note(`check is stricter than restic about ${what}`, { how: ours.how })
  return theirs.how !== 'ok'
}

async function compareRestores(
  world: World,
  repository: TorturedRepository,
  { expectation, isBad }: { readonly expectation: Expectation; readonly isBad: boolean },
): Promise<void> {
  const ours = await restoreBy(world, repository, { expectation, by: 'understudy' })
  if (ours.ended.how === 'ok') return assertEqual(world, { expectation, target: ours.target, by: 'understudy' })
  if (!isBad)
    throw new TortureFailure(`a restore fails (${ours.ended.how}), and restic finds nothing damaged`, [
      ours.ended.stderr,
    ])
  const short = ours.found.filter((line) => /: has (other content|\d+ bytes)/.test(line))
  if (short.length > 0) throw new TortureFailure('a restore left files that look complete and are wrong', short)
  const theirs = await restoreBy(world, repository, { expectation, by: 'restic' })
  const theirWrong = pathsOf(theirs.found).union(givenUpBy(theirs.ended.stderr))
  const onlyOurs = [...pathsOf(ours.found)].filter(
    (path) => !theirWrong.has(path) && !couldBeRightByLuck(world, expectation, path),
  )
  if (onlyOurs.length > 0) {
    const why = [`${ours.ended.how}: ${ours.ended.stderr.slice(-1000)}`, ...ours.found.slice(0, 20)]
    throw new TortureFailure(`restic restores ${onlyOurs.length} entries that we do not`, [
      ...onlyOurs.slice(0, 10),
      ...why,
    ])
  }
  for (const { target } of [ours, theirs]) rmSync(target, { recursive: true, force: true })
}

/** What restic says that it could not restore. Such a file is there all the same, and right where it lacks nothing but zeros. */
function givenUpBy(stderr: string): Set<string> {
  return new Set([...stderr.matchAll(/^ignoring error for \/(.*?): /gm)].map(([, path]) => path as string))
}

/** Works on the damaged repository. Returns false when the damaged file must not come back, because prune went on without it. */
async function tryMeanwhile(
  world: World,
  repository: TorturedRepository,
  order: DamageOrder,
  seed: number,
): Promise<boolean> {
  // Nobody can know that a snapshot was there whose file is gone: what only it needs may go.
  const isUnknown = order.type === 'snapshot' && ['delete', 'empty'].includes(order.damage.kind)
  if (isUnknown) return true
  const indexesBefore = namesIn(repository, 'index')
  for (const wish of order.meanwhile) {
    const action = helpers.find(({ kind }) => kind === wish.kind) as Action
    await action.run(world, wish, { seed, tolerate: 'anything' })
  }
  const isSameIndex = indexesBefore.every((name) => namesIn(repository, 'index').includes(name))
  return order.type !== 'index' || isSameIndex
}

function namesIn({ storage }: TorturedRepository, folder: string): readonly string[] {
  return filesIn(storage, folder)
}
