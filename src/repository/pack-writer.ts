import { createHash } from 'node:crypto'
import type { Cancellable } from '#base'
import { RepositoryError } from './errors.ts'
import { IndexSaver } from './index-saver.ts'
import { Packer, defaultPackSize } from './packer.ts'
import type { SealedBlob } from './packer.ts'
import { PackUploader } from './pack-uploader.ts'
import type { IndexedRepository } from './repository.ts'

export interface PackWriterOptions extends Cancellable {
  /** Bytes of blobs after which a pack is complete. */
  readonly packSize?: number | undefined
  /** Throws when the lock is gone (`HeldLock.ensure`). */
  readonly guard: () => Promise<void>
}

/** Most packs that wait to be written. */
const packsUnderWay = 2

/** Stores blobs in the main thread: trees, and blobs that are sealed already. For works of moderate size. */
export class PackWriter {
  readonly #repository: IndexedRepository
  readonly #signal: AbortSignal | undefined
  readonly #indexes: IndexSaver
  readonly #uploader: PackUploader
  readonly #packers: { readonly data: Packer; readonly tree: Packer }
  readonly #stored: string[] = []

  constructor(repository: IndexedRepository, { packSize = defaultPackSize, guard, signal }: PackWriterOptions) {
    this.#repository = repository
    this.#signal = signal
    this.#indexes = new IndexSaver(repository, { guard })
    this.#uploader = new PackUploader({
      backend: repository.backend,
      signal,
      onStored: (pack) => {
        this.#stored.push(pack.name.toString('hex'))
        this.#indexes.add(pack)
      },
      onFailure: () => undefined, // thrown by the next `drain`
    })
    const packer = () =>
      new Packer({
        codec: repository.codec,
        index: repository.index,
        packSize,
        buffers: { take: (bytes) => Buffer.allocUnsafeSlow(bytes) },
        emit: (pack) => this.#uploader.add(pack, () => undefined),
      })
    this.#packers = { data: packer(), tree: packer() }
  }

  /** Stores a blob as it is sealed. */
  async append(blob: SealedBlob): Promise<void> {
    this.#packers[blob.type].append(blob)
    await this.#uploader.drain(packsUnderWay)
  }

  /** Stores a tree unless it is known; returns its id. */
  async saveTree(bytes: Buffer): Promise<Buffer> {
    const id = Buffer.allocUnsafeSlow(32)
    this.#repository.codec.primitives.hasher.sha256(bytes, id, 0)
    this.#packers.tree.save('tree', bytes, id, 0)
    await this.#uploader.drain(packsUnderWay)
    return id
  }

  /**
   * Makes everything durable; then the storage gives each pack and index back once, before anything may count on them.
   * Returns the names of the new index files. Throws `STORAGE_UNSTEADY`.
   */
  async finish(): Promise<ReadonlySet<string>> {
    const signal = this.#signal
    this.#packers.data.flush()
    this.#packers.tree.flush()
    await this.#uploader.drain()
    signal?.throwIfAborted()
    for (const name of this.#stored) await this.#prove(name)
    await this.#indexes.flush({ signal })
    for (const name of this.#indexes.saved) await this.#repository.loadFile('index', name, { signal })
    return this.#indexes.saved
  }

  async #prove(name: string): Promise<void> {
    const file = { type: 'pack', name } as const
    const bytes = await this.#repository.backend.read(file, { signal: this.#signal, fresh: true })
    if (createHash('sha256').update(bytes).digest('hex') === name) return
    const reason = 'the storage does not give back what was just stored'
    throw new RepositoryError('STORAGE_UNSTEADY', { type: 'pack', name: name.slice(0, 10), reason })
  }
}
