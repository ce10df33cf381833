import { forEachConcurrent } from '#base'
import type { Cancellable, WarmThreads } from '#base'
import { RepositoryError } from '../errors.ts'
import { listIndexFiles } from '../load-index.ts'
import type { HeldLock } from '../lock.ts'
import { planIndexChange, writeIndexFiles } from './index-files.ts'
import { defaultKeepDeleted } from './options.ts'
import type { PackFate, PlannedPack, PrunePlan } from './plan.ts'
import type { PruneProgress } from './view.ts'
import { repack } from './repack.ts'

export interface ExecutePruneOptions extends Cancellable, PruneProgress {
  readonly lock: Pick<HeldLock, 'verify' | 'ensure'>
  readonly threads: number
  /** As many, started before (`warmThreads`). */
  readonly warm?: WarmThreads | undefined
  readonly packSize?: number | undefined
}

export interface PruneResult {
  readonly deletedPacks: number
  readonly deletedBytes: number
  /** Packs that were marked, and wait from now on. */
  readonly markedPacks: number
  readonly markedBytes: number
}

/**
 * Carries a plan out, under the exclusive lock that it was made under. Each step leaves a repository in which every
 * snapshot is whole, so whatever ends this, the next prune goes on from there:
 *
 * 1. packs that have waited are deleted: no index names them, and they make room for what follows
 * 2. needed blobs are copied; the new packs are durable, then named in new index files
 * 3. new index files no longer name what was dropped, and mark it; then the old index files go
 * 4. without a wait, what was dropped is deleted
 */
export async function executePrune(plan: PrunePlan, options: ExecutePruneOptions): Promise<PruneResult> {
  const run = new PruneRun(plan, options)
  await run.deletePacks(['delete'])
  if (plan.limits.unsafeRecoverNoFreeSpace) await run.recoverSpace()
  else await run.replace()
  return run.result
}

class PruneRun {
  readonly #plan: PrunePlan
  readonly #options: ExecutePruneOptions
  readonly #wait: number
  readonly #written = new Set<string>()
  readonly #deleted = new Set<string>()
  #deletedPacks = 0
  #deletedBytes = 0

  constructor(plan: PrunePlan, options: ExecutePruneOptions) {
    this.#plan = plan
    this.#options = options
    this.#wait = plan.limits.keepDeleted ?? defaultKeepDeleted
  }

  get result(): PruneResult {
    const marked = this.#wait > 0 ? this.#packs(['drop', 'repack', 'mark']) : []
    return {
      deletedPacks: this.#deletedPacks,
      deletedBytes: this.#deletedBytes,
      markedPacks: marked.length,
      markedBytes: marked.reduce((sum, { size }) => sum + size, 0),
    }
  }

  async replace(): Promise<void> {
    await this.#repack()
    const change = planIndexChange(this.#plan)
    await this.#writeIndex(change)
    await this.#deleteIndexFiles(change.obsolete)
    if (this.#wait === 0) await this.deletePacks(['drop', 'repack'])
  }

  /** On a disk without a free byte: what is obsolete goes before what replaces it is written. */
  async recoverSpace(): Promise<void> {
    const change = planIndexChange(this.#plan)
    await this.#deleteIndexFiles(change.obsolete)
    await this.deletePacks(['drop'])
    await this.#writeIndex(change)
  }

  async deletePacks(fates: readonly PackFate[]): Promise<void> {
    const { signal, onProgress } = this.#options
    const { backend } = this.#plan.view.repository
    const packs = this.#packs(fates)
    if (packs.length === 0) return
    await this.#refuseChanges()
    const remove = async ({ name, size }: PlannedPack) => {
      await this.#options.lock.ensure()
      await backend.delete({ type: 'pack', name }, { signal })
      this.#deletedPacks++
      this.#deletedBytes += size
      onProgress?.('delete packs', this.#deletedPacks, undefined)
    }
    await forEachConcurrent(packs, remove, { concurrency: backend.connections, signal })
  }

  async #repack(): Promise<void> {
    const { signal, threads, warm, packSize, lock, onProgress } = this.#options
    const total = this.#packs(['repack']).reduce((sum, { size }) => sum + size, 0)
    let done = 0
    const report = (bytes: number) => onProgress?.('repack', (done += bytes), total)
    const guard = async () => await lock.ensure()
    for (const name of await repack(this.#plan, { signal, threads, warm, packSize, guard, onProgress: report })) {
      this.#written.add(name)
    }
  }

  async #writeIndex(change: ReturnType<typeof planIndexChange>): Promise<void> {
    const { signal, lock, onProgress } = this.#options
    const guard = async () => await lock.ensure()
    for (const name of await writeIndexFiles(this.#plan, change, { signal, guard })) this.#written.add(name)
    onProgress?.('write index', this.#written.size, this.#written.size)
  }

  async #deleteIndexFiles(names: readonly string[]): Promise<void> {
    const { signal, lock } = this.#options
    const { backend } = this.#plan.view.repository
    // A new file that has the bytes of an old one is the old one.
    const obsolete = names.filter((name) => !this.#written.has(name))
    if (obsolete.length === 0) return
    await this.#refuseChanges()
    const remove = async (name: string) => {
      await lock.ensure()
      this.#deleted.add(name)
      await backend.delete({ type: 'index', name }, { signal })
    }
    await forEachConcurrent(obsolete, remove, { concurrency: backend.connections, signal })
  }

  // Before anything goes: the lock is still ours, and a second listing shows no snapshot and no index that the plan does
  // not know, be it that the first listing was behind, or that somebody works without a lock.
  async #refuseChanges(): Promise<void> {
    const { signal, lock } = this.#options
    const { repository, snapshots, files } = this.#plan.view
    await lock.verify()
    for await (const { name } of repository.backend.list('snapshot', { signal })) {
      if (!snapshots.has(name)) throw outdated(`there is a new snapshot ${name.slice(0, 10)}`)
    }
    const known = new Set([...files.map(({ name }) => name), ...this.#written, ...this.#deleted])
    for (const name of await listIndexFiles(repository, { signal })) {
      if (!known.has(name)) throw outdated(`there is a new index ${name.slice(0, 10)}`)
    }
  }

  #packs(fates: readonly PackFate[]): PlannedPack[] {
    return this.#plan.packs.filter(({ fate }) => fates.includes(fate))
  }
}

function outdated(reason: string): RepositoryError {
  return new RepositoryError('PLAN_OUTDATED', { reason })
}
