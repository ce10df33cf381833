import { systemClock } from '#base'
import type { Cancellable, Clock, WarmThreads } from '#base'
import { lockRepository } from '../lock.ts'
import type { HeldLock } from '../lock.ts'
import { executePrune } from './execute.ts'
import type { PruneResult } from './execute.ts'
import type { PruneLimits } from './options.ts'
import { makePrunePlan } from './plan.ts'
import type { PrunePlan } from './plan.ts'
import { loadPruneView } from './view.ts'
import type { PruneProgress } from './view.ts'
import type { Repository } from '../repository.ts'

export interface PruneOptions extends PruneLimits, PruneProgress, Cancellable {
  readonly threads: number
  /** As many, started before (`warmThreads`). */
  readonly warm?: WarmThreads | undefined
  /** Bytes of blobs after which a new pack is complete. */
  readonly packSize?: number | undefined
  /** Ends when the plan is made. */
  readonly dryRun?: boolean
  /** Plans as if these snapshots were gone already; for a dry run only, which this makes of it. */
  readonly without?: ReadonlySet<string> | undefined
  /** The exclusive lock that the caller holds. Default: one of its own. */
  readonly lock?: HeldLock | undefined
  /** Takes no lock; only for a dry run. */
  readonly noLock?: boolean
  /** How long to wait for the lock, in milliseconds. */
  readonly retryLock?: number | undefined
  readonly onLockWait?: ((holder: Error) => void) | undefined
  /** Shown the plan before anything is done. */
  readonly onPlan?: ((plan: PrunePlan) => void) | undefined
  readonly clock?: Clock
}

export interface Pruned {
  readonly plan: PrunePlan
  /** Undefined after a dry run. */
  readonly result: PruneResult | undefined
}

/**
 * Removes what no snapshot needs: under the exclusive lock it looks at everything, makes a plan, and carries it out.
 * Throws `REPOSITORY_LOCKED`, `BLOBS_MISSING`, `PACKS_MISSING`, `FILE_DAMAGED`, `PLAN_OUTDATED`, `LOCK_LOST`.
 */
export async function prune(repository: Repository, options: PruneOptions): Promise<Pruned> {
  const { clock = systemClock, signal, noLock = false, retryLock = 0, onLockWait } = options
  const dryRun = options.dryRun === true || options.without !== undefined
  if (dryRun && noLock) return { plan: await look(repository, options, { signal, clock }), result: undefined }
  if (options.lock) return await pruneUnder(options.lock, repository, { ...options, dryRun })
  const onWait = onLockWait && { onWait: onLockWait }
  const lockOptions = { exclusive: true, early: true, signal, retryFor: retryLock, ...onWait, clock }
  await using lock = await lockRepository(repository, lockOptions)
  return await pruneUnder(lock, repository, { ...options, dryRun })
}

async function pruneUnder(lock: HeldLock, repository: Repository, options: PruneOptions): Promise<Pruned> {
  const { clock = systemClock, dryRun } = options
  const { signal } = lock
  const plan = await look(repository, options, { signal, clock })
  if (dryRun) return { plan, result: undefined }
  await lock.settled
  return { plan, result: await executePrune(plan, { ...options, signal, lock }) }
}

async function look(
  repository: Repository,
  options: PruneOptions,
  { signal, clock }: Cancellable & { readonly clock: Clock },
): Promise<PrunePlan> {
  const view = await loadPruneView(repository, { signal, onProgress: options.onProgress, without: options.without })
  const plan = makePrunePlan(view, options, clock.now())
  options.onPlan?.(plan)
  return plan
}
