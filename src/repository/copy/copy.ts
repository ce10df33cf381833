import { forEachConcurrent, systemClock, throwIfBug } from '#base'
import type { Cancellable, Clock, WarmThreads } from '#base'
import { loadBlob } from '../load-blob.ts'
import type { HeldLock } from '../lock.ts'
import { defaultPackSize } from '../packer.ts'
import type { IndexedRepository } from '../repository.ts'
import { deleteSnapshot, saveSnapshot } from '../snapshots.ts'
import type { NamedSnapshot } from '../snapshots.ts'
import { RepositoryWriter } from '../writer.ts'
import type { AddedCounts } from '../writing.ts'
import { originalOf } from './choose.ts'
import { NeededBlobFinder } from './needed-blobs.ts'
import type { NeededBlobs, PackRun } from './needed-blobs.ts'

export interface CopyOptions extends Cancellable {
  readonly threads: number
  /** As many, started before (`warmThreads`). */
  readonly warm?: WarmThreads | undefined
  readonly packSize?: number | undefined
  /** The target's lock. */
  readonly lock: Pick<HeldLock, 'verify' | 'ensure'>
  /** Told when a snapshot's trees have been gone through and its blobs are about to be copied. */
  readonly onSnapshot?: ((snapshot: NamedSnapshot, needed: NeededBlobs) => void) | undefined
  /** Told of sealed bytes of the source that have been dealt with. */
  readonly onProgress?: ((bytes: number) => void) | undefined
  /** Told when the copy of a snapshot has been saved. */
  readonly onCopied?: ((snapshot: NamedSnapshot, id: string) => void) | undefined
  readonly clock?: Clock
}

/** Snapshots are saved when so many packs have been filled since the last time, and so much time has gone by. */
const packsPerBatch = 100
const shortestBatch = 60_000

/**
 * Copies snapshots into another repository: their trees byte by byte, so that ids stay what they are, and the data blobs
 * that are not there yet. Nothing is stored that was not opened and proven against its id. A snapshot is saved when
 * everything that it needs is durable; whatever ends the copying before leaves blobs that the next run finds and uses.
 * Throws `BLOB_NOT_FOUND`, `BLOB_DAMAGED` when the source has not all of a snapshot.
 */
export async function copySnapshots(
  source: IndexedRepository,
  target: IndexedRepository,
  { snapshots, ...options }: CopyOptions & { readonly snapshots: readonly NamedSnapshot[] },
): Promise<AddedCounts> {
  const { threads, warm, packSize = defaultPackSize, lock, signal, clock = systemClock } = options
  const guard = async () => await makeSure(lock)
  await using writer = new RepositoryWriter(target, { threads, warm, packSize, source, guard, signal })
  const copier = new Copier(source, target, writer, options)
  try {
    let [bytes, since] = [0, clock.monotonic()]
    for (const snapshot of snapshots) {
      bytes += await copier.copy(snapshot)
      if (bytes < packsPerBatch * packSize || clock.monotonic() - since < shortestBatch) continue
      await copier.save()
      bytes = 0
      since = clock.monotonic()
    }
    await copier.save()
    return writer.added
  } catch (thrown) {
    // What is durable by now is worth naming in an index; the reason for ending counts more than whether that works.
    await writer.salvage().catch(() => undefined)
    throw thrown
  }
}

class Copier {
  readonly #source: IndexedRepository
  readonly #target: IndexedRepository
  readonly #writer: RepositoryWriter
  readonly #options: CopyOptions
  readonly #finder: NeededBlobFinder
  /** Snapshots whose blobs are all stored, but perhaps not durable. */
  #batch: NamedSnapshot[] = []

  constructor(source: IndexedRepository, target: IndexedRepository, writer: RepositoryWriter, options: CopyOptions) {
    this.#source = source
    this.#target = target
    this.#writer = writer
    this.#options = options
    const { signal } = options
    this.#finder = new NeededBlobFinder(source, {
      saveTree: (bytes) => writer.saveTree(bytes, { signal }),
      has: (ids, at) => target.index.use('data', ids, at),
    })
  }

  /** Copies what the snapshot needs; returns the sealed bytes of it. */
  async copy(snapshot: NamedSnapshot): Promise<number> {
    const { signal, threads, onSnapshot, onProgress } = this.#options
    const needed = await this.#finder.find(snapshot.tree, { signal })
    onSnapshot?.(snapshot, needed)
    const copyRun = async (run: PackRun) => {
      for (const entry of await this.#copyRun(run)) await this.#copyAlone(entry)
      onProgress?.(run.bytes)
    }
    const concurrency = threads + this.#source.backend.connections
    await forEachConcurrent(needed.runs, copyRun, { concurrency, signal })
    for (const entry of needed.large) {
      await this.#copyAlone(entry)
      onProgress?.(this.#source.index.lengthOf(entry))
    }
    this.#batch.push(snapshot)
    return needed.bytes
  }

  /** Makes everything durable, then saves the snapshots that it belongs to. */
  async save(): Promise<void> {
    const { signal, lock, onCopied } = this.#options
    if (this.#batch.length === 0) return
    await this.#writer.flush({ signal })
    await lock.ensure()
    await this.#writer.verifyUsed({ signal })
    await lock.verify()
    const saved: string[] = []
    for (const snapshot of this.#batch) {
      // A parent is what a backup was compared with: it says nothing in another repository.
      const { id: _id, parent: _parent, ...about } = snapshot
      saved.push(await saveSnapshot(this.#target, { ...about, original: originalOf(snapshot) }, { signal }))
    }
    await this.#keepOrDelete(saved)
    this.#batch.forEach((snapshot, i) => onCopied?.(snapshot, saved[i] as string))
    this.#batch = []
  }

  /** Returns the entries whose blobs could not be copied so. */
  async #copyRun({ pack, offset, end, entries }: PackRun): Promise<readonly number[]> {
    const { signal } = this.#options
    const range = { offset, length: end - offset }
    let bytes: Buffer
    try {
      bytes = await this.#source.backend.read({ type: 'pack', name: pack }, { range, signal })
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      return [...entries] // told apart when its blobs are loaded one by one
    }
    return await this.#writer.copyBlobs({ piece: { offset, bytes }, entries }, { signal })
  }

  // With all care: read twice, and from every pack that has the blob.
  async #copyAlone(entry: number): Promise<void> {
    const { signal } = this.#options
    const plain = await loadBlob(this.#source, 'data', this.#source.index.idOf(entry), { signal })
    await this.#writer.saveData(plain, { signal })
  }

  // A machine may sleep at any moment, after the last look at the lock too: then others have pruned what this snapshot needs.
  async #keepOrDelete(saved: readonly string[]): Promise<void> {
    try {
      await makeSure(this.#options.lock)
    } catch (thrown) {
      for (const id of saved) await deleteSnapshot(this.#target, id)
      throw thrown
    }
  }
}

async function makeSure(lock: CopyOptions['lock']): Promise<void> {
  await lock.ensure()
  await lock.verify()
}
