/** The judge: says, after whatever happened, whether everything is there and right. restic is the first witness. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { compareTrees } from '../helpers/compare-trees.ts'
import { busyName, judgeBusy } from './busy.ts'
import { TortureFailure } from './failure.ts'
import type { Expectation, Listed } from './model.ts'
import { refuse } from './programs.ts'
import type { TorturedRepository, World } from './world.ts'
import type { Storage } from './storage/index.ts'

export type Witness = 'understudy' | 'restic'

/** Compares what is in the repository with the model. Nothing may be running. */
export async function settle(world: World, repository: TorturedRepository): Promise<void> {
  if (!repository.exists) return
  const { model } = repository
  const names = snapshotFiles(repository)
  const isKnown = model.isSettled && sameSet(names, model.ids)
  if (isKnown) return
  const wrong = model.settle(await listSnapshots(world, repository))
  if (wrong.length > 0) throw new TortureFailure(`${repository.name}: ${wrong[0]}`, wrong)
}

/** As restic lists them. */
async function listSnapshots({ programs }: World, { storage }: TorturedRepository): Promise<Listed[]> {
  const printed = await programs.resticOk({ storage, args: ['snapshots', '--json', '--no-lock', '--no-cache'] })
  const listed = JSON.parse(printed) as readonly {
    readonly id: string
    readonly time: string
    readonly tags?: string[]
  }[]
  return listed.map(({ id, time, tags = [] }) => ({
    id,
    time,
    key: tags.find((tag) => tag.startsWith('key=')) ?? `(${id})`,
  }))
}

function snapshotFiles({ storage }: TorturedRepository): ReadonlySet<string> {
  return new Set(filesIn(storage, 'snapshots').filter((name) => /^[0-9a-f]{64}$/.test(name)))
}

/** A bucket has no empty folders. */
export function filesIn({ folder }: Storage, name: string): readonly string[] {
  return existsSync(`${folder}/${name}`) ? readdirSync(`${folder}/${name}`) : []
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((item) => b.has(item))
}

/** R1: nothing is wrong with the repository. */
export async function assertSound(
  { programs }: World,
  { storage }: TorturedRepository,
  { by, readData }: { readonly by: Witness; readonly readData: boolean },
): Promise<void> {
  const args = ['check', ...(readData ? ['--read-data'] : [])]
  if (by === 'understudy') return void (await programs.understudyOk({ storage, args }))
  await programs.resticOk({ storage, args: ['unlock', '--no-cache'] })
  const ended = await programs.restic({ storage, args: [...args, '--no-cache'] })
  if (ended.how !== 'ok') refuse('restic finds the repository damaged', ended)
}

/** R2: a snapshot restores equal to its reference. */
export async function assertRestores(
  world: World,
  repository: TorturedRepository,
  { expectation, by }: { readonly expectation: Expectation; readonly by: Witness },
): Promise<void> {
  for (const id of repository.model.idsOf(expectation.key)) {
    const target = world.emptyFolder('restored')
    const args = [
      'restore',
      `${id}:${world.source}`,
      '--target',
      target,
      ...(by === 'restic' ? ['--no-cache', '--no-lock'] : []),
    ]
    const ended = await world.programs[by]({ storage: repository.storage, args })
    if (ended.how !== 'ok') refuse(`${by} cannot restore ${expectation.key}: ${ended.how}`, ended)
    assertEqual(world, { expectation, target, by })
    rmSync(target, { recursive: true, force: true })
  }
}

export interface Comparison {
  readonly expectation: Expectation
  readonly target: string
  readonly by: Witness
}

/** Throws when a restored tree is not what it must be. */
export function assertEqual(world: World, comparison: Comparison): void {
  const { expectation, target, by } = comparison
  const wrong = [...differences(world, comparison), ...(expectation.busy ? judgeBusy(`${target}/${busyName}`) : [])]
  world.tally.add('snapshotsVerified')
  world.tally.add('bytesCompared', world.references.bytesOf(expectation.reference))
  if (wrong.length > 0) {
    throw new TortureFailure(`${expectation.key} as restored by ${by} to ${target} is not as it was`, wrong)
  }
}

/** How a restored tree differs from the reference, but for what the expectation leaves open. */
export function differences({ references }: World, { expectation, target, by }: Comparison): string[] {
  // restic makes no hard links of symlinks.
  const ignore = ['root', 'holes', ...(by === 'restic' ? ['links'] : [])] as ('root' | 'holes' | 'links')[]
  const all = compareTrees(references.pathOf(expectation.reference), target, { ignore, most: 100_000 })
  const sockets = references.socketsOf(expectation.reference)
  return all.filter((line) => !isOpen(line, expectation, sockets))
}

function isOpen(difference: string, { busy, blind, without }: Expectation, sockets: ReadonlySet<string>): boolean {
  const path = pathOf(difference)
  const [top = ''] = path.split('/')
  if (busy && top === busyName) return true
  // Of two names of one file, only that which was there before may hold what it held: then they cannot be one.
  if (blind && /: (?:has other content|the number of links|is linked to)/.test(difference)) return true
  const isMissing = difference.endsWith(': is missing')
  if (isMissing && without.includes(top)) return true
  return isMissing && sockets.has(path)
}

/** The path that a difference is about. */
export function pathOf(difference: string): string {
  return JSON.parse(/^"(?:[^"\\]|\\.)*"/.exec(difference)?.[0] ?? '""') as string
}
