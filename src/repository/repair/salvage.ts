import { throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { Bitmap } from '../bitmap.ts'
import { RepositoryError } from '../errors.ts'
import type { HeldLock } from '../lock.ts'
import { PackWriter } from '../pack-writer.ts'
import { swapIndexFiles } from './index-swap.ts'
import { readBlobs } from './pack-look.ts'
import type { PackRepairPlan, PlannedPackRepair } from './repair-packs.ts'

export interface ExecutePackRepairOptions extends Cancellable {
  readonly lock: Pick<HeldLock, 'verify' | 'ensure'>
  /** Bytes of blobs after which a new pack is complete. */
  readonly packSize?: number | undefined
  /** Keeps a copy of a damaged pack, which is deleted in the end. Bytes that cannot be read come as zeros. */
  readonly keepCopy: (name: string, content: AsyncIterable<Buffer>) => Promise<void>
  readonly onProgress?:
    | ((step: 'save copies' | 'salvage' | 'write index' | 'delete packs', done: number, total: number) => void)
    | undefined
}

export interface PackRepairResult {
  readonly salvagedBlobs: number
  readonly deletedPacks: number
}

const copyStride = 8 << 20

/**
 * Carries the plan out, under the exclusive lock that it was made under:
 *
 * 1. a copy of each damaged pack is kept outside the repository
 * 2. intact blobs are copied into new packs, which are durable and read again before anything else is done
 * 3. new index files no longer name the damaged packs; then old ones go
 * 4. the damaged packs are deleted
 *
 * Whatever ends this in between, every blob that was there is there still. Throws `STORAGE_UNSTEADY`,
 * `REPAIR_OUTDATED`, `LOCK_LOST`.
 */
export async function executePackRepair(
  plan: PackRepairPlan,
  options: ExecutePackRepairOptions,
): Promise<PackRepairResult> {
  const { lock, signal, onProgress } = options
  const { backend } = plan.view.repository
  const damaged = plan.packs.filter(({ fate }) => fate === 'salvage')
  for (const [done, pack] of damaged.entries()) {
    await options.keepCopy(pack.name, contentOf(plan, pack, { signal }))
    onProgress?.('save copies', done + 1, damaged.length)
  }
  const { blobs, written } = await salvage(plan, damaged, options)
  await swapIndexFiles(plan.view, plan.swap, { lock, signal, written })
  onProgress?.('write index', 1, 1)
  for (const [done, { name }] of damaged.entries()) {
    await lock.ensure()
    await backend.delete({ type: 'pack', name }, { signal })
    onProgress?.('delete packs', done + 1, damaged.length)
  }
  return { salvagedBlobs: blobs, deletedPacks: damaged.length }
}

async function* contentOf(
  { view }: PackRepairPlan,
  { name, size }: PlannedPackRepair,
  { signal }: Cancellable,
): AsyncIterable<Buffer> {
  for (let offset = 0; offset < size; offset += copyStride) {
    const length = Math.min(copyStride, size - offset)
    try {
      yield await view.repository.backend.read({ type: 'pack', name }, { range: { offset, length }, signal })
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      yield Buffer.alloc(length)
    }
  }
}

/** Copies what is intact into new packs, and proves these; returns the names of the index files that name them. */
async function salvage(
  { view }: PackRepairPlan,
  damaged: readonly PlannedPackRepair[],
  { lock, signal, packSize, onProgress }: ExecutePackRepairOptions,
): Promise<{ readonly blobs: number; readonly written: ReadonlySet<string> }> {
  const { repository } = view
  const { index } = repository
  const writer = new PackWriter(repository, { packSize, guard: async () => await lock.ensure(), signal })
  const copied = new Bitmap(index.size)
  for (const [done, { name, size, intact }] of damaged.entries()) {
    for await (const { entry, sealed, wrong } of readBlobs(repository, name, intact, { signal, size })) {
      // It was intact when the plan was made.
      if (wrong || !sealed) throw unsteady(name, wrong?.reason ?? 'it cannot be read')
      if (!copied.add(index.firstOf(entry))) continue
      const [type, id, plainLength] = [index.typeOf(entry), index.idOf(entry), index.uncompressedLengthOf(entry)]
      const place = { pack: index.packOf(entry), offset: index.offsetOf(entry), length: sealed.length, plainLength }
      await writer.append({ type, id, sealed, plainLength, entry: index.add(type, id, 0, place) })
    }
    onProgress?.('salvage', done + 1, damaged.length)
  }
  return { blobs: copied.count, written: await writer.finish() }
}

function unsteady(name: string, reason: string): RepositoryError {
  return new RepositoryError('STORAGE_UNSTEADY', { type: 'pack', name: name.slice(0, 10), reason })
}
