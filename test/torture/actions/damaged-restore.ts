import { lstatSync, readFileSync } from 'node:fs'
import { differences, pathOf } from '../judge.ts'
import type { Expectation } from '../model.ts'
import type { Ended } from '../programs.ts'
import type { TorturedRepository, World } from '../world.ts'

export interface DamagedRestore {
  readonly ended: Ended
  readonly target: string
  /** Where it is not as it was. */
  readonly found: readonly string[]
}

/** Restores a snapshot of a damaged repository as far as that goes. */
export async function restoreBy(
  world: World,
  { storage, model }: TorturedRepository,
  { expectation, by }: { readonly expectation: Expectation; readonly by: 'understudy' | 'restic' },
): Promise<DamagedRestore> {
  const target = world.emptyFolder(`of ${by}`)
  const [id = ''] = model.idsOf(expectation.key)
  const quiet = by === 'restic' ? ['--no-cache', '--no-lock'] : []
  const ended = await world.programs[by]({
    storage,
    args: ['restore', `${id}:${world.source}`, '--target', target, ...quiet],
  })
  return { ended, target, found: differences(world, { expectation, target, by }) }
}

/**
 * The paths that differences are about. A folder in which something is missing has other times, and a file of whose links
 * one is missing has fewer: these are not counted by themselves.
 */
export function pathsOf(found: readonly string[]): ReadonlySet<string> {
  return new Set(found.filter((line) => !/ the mtime is | the number of links is /.test(line)).map(pathOf))
}

/** Where a blob is lost, restic's restore leaves zeros: right, by luck, where zeros belong. `path` is as `pathsOf` gives it. */
export function couldBeRightByLuck({ references }: World, { reference }: Expectation, path: string): boolean {
  const whole = Buffer.concat([Buffer.from(`${references.pathOf(reference)}/`), Buffer.from(path, 'latin1')])
  const isFile = lstatSync(whole, { throwIfNoEntry: false })?.isFile() === true
  return isFile && /\0{512}|^\0+$/.test(readFileSync(whole, 'latin1'))
}
