import type { Disturbance } from '../faults/disturbance.ts'
import type { Ended } from '../programs.ts'
import { refuse } from '../programs.ts'
import type { Random } from '../random.ts'
import type { TorturedRepository, World } from '../world.ts'

/** What a step is to do: a plain value without anything that depends on what happened before. */
export interface Order {
  readonly kind: string
}

/**
 * Why a command need not succeed: for nothing, because others work on the same repository now, or because the repository is
 * damaged. What it says it has done must be done in every case.
 */
export type Tolerance = 'nothing' | 'others' | 'anything'

export interface RunContext {
  /** For what is random in carrying it out. */
  readonly seed: number
  readonly tolerate: Tolerance
}

/** A kind of step: how it is decided, and how it is carried out and judged. */
export interface Action<Wish extends Order = Order> {
  readonly kind: string
  readonly weight: number
  /** Pure: the same random numbers give the same order. */
  decide(random: Random): Wish
  /** Throws `TortureFailure` when something is not as it must be. */
  run(world: World, order: Wish, context: RunContext): Promise<void>
}

/** Ends that others who work on the same repository may bring about. */
const ofOthers = new Set([
  'locked',
  'LOCK_LOST',
  'BLOBS_REMOVED',
  'PLAN_OUTDATED',
  'FORGET_REFUSED',
  'SNAPSHOT_NOT_FOUND',
  'DAMAGE_FOUND',
])

/** True when the command has done what it says; false when it was allowed to fail; throws when it was not. */
export function hasSucceeded(
  ended: Ended,
  what: string,
  { tolerate, disturbance }: { readonly tolerate: Tolerance; readonly disturbance?: Disturbance | undefined },
): boolean {
  if (ended.how === 'ok') return true
  if (ended.wasDisturbed || tolerate === 'anything' || (tolerate === 'others' && ofOthers.has(ended.how))) return false
  refuse(`${what} ended with ${ended.how}${disturbance ? ` under ${JSON.stringify(disturbance)}` : ''}`, ended)
}

/** Mostly the first. */
export function chosenRepository(
  { repositories }: World,
  { second }: { readonly second: boolean },
): TorturedRepository {
  return second && repositories[1].exists ? repositories[1] : repositories[0]
}

/** restic goes by no lock of a process that is gone, but wants to be told. */
export async function clearStaleLocks({ programs }: World, { storage }: TorturedRepository): Promise<void> {
  await programs.resticOk({ storage, args: ['unlock', '--no-cache'] })
}
