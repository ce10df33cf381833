import { hasCode, mapOrdered, messageOf, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { BlobIndex } from './blob-index.ts'
import type { BlobCodec } from './blob-codec.ts'
import { RepositoryError } from './errors.ts'
import { parseIndexFile } from './format/index-file.ts'
import type { IndexedPack, MarkedPack } from './format/index-file.ts'
import { PackBlobsBuilder } from './pack-blobs.ts'
import type { IndexedRepository, Repository } from './repository.ts'

export interface LoadIndexOptions extends Cancellable {
  readonly onProgress?: (loaded: number, total: number) => void
  /**
   * What to do about an index file that is damaged. Default: fail. `check` and `repair` collect them.
   */
  readonly onDamaged?: ((name: string, error: Error) => void) | undefined
  /** Told what each index file held. `prune` and `check` work on files and packs, not only on blobs. */
  readonly onFile?: ((file: LoadedIndexFile) => void) | undefined
}

/** What an index file held. */
export interface LoadedIndexFile {
  readonly name: string
  /** The packs that it names have the numbers from `firstPack` to `packsEnd` - 1 in the index. */
  readonly firstPack: number
  readonly packsEnd: number
  /** How many blobs it names, of those packs. */
  readonly blobs: number
  /** Packs that wait to be deleted (`packs_to_delete`). Their blobs are in no index: nothing new may count on them. */
  readonly marks: readonly LoadedMark[]
}

export type LoadedMark = IndexedPack & MarkedPack

/** Loads every index file into memory. Throws `FILE_DAMAGED`. */
export async function loadIndex(repository: Repository, options: LoadIndexOptions = {}): Promise<IndexedRepository> {
  const { signal, onProgress, onDamaged, onFile } = options
  const index = new BlobIndex()
  const names: string[] = []
  for await (const { name } of repository.backend.list('index', { signal })) names.push(name)
  const loadOne = async (name: string) => ({ name, json: await loadIndexFile(repository, name, { signal, onDamaged }) })
  const loaded = new Set<string>()
  for await (const { name, json } of mapOrdered(names, loadOne, {
    concurrency: repository.backend.connections,
    signal,
  })) {
    if (json) readInto(index, name, json, { onDamaged, onFile })
    loaded.add(name)
    onProgress?.(loaded.size, names.length)
  }
  return new Indexed(repository, index, loaded)
}

/** Names of the index files that the storage lists now. */
export async function listIndexFiles(repository: Repository, options: Cancellable = {}): Promise<Set<string>> {
  const names = new Set<string>()
  for await (const { name } of repository.backend.list('index', options)) names.add(name)
  return names
}

// A file that is gone by now was replaced by a prune that ended meanwhile; what replaced it may not be in our listing, so
// the caller's later look at the listing (`indexFiles`) must see that it was part of it.
async function loadIndexFile(
  repository: Repository,
  name: string,
  { signal, onDamaged }: LoadIndexOptions,
): Promise<Buffer | undefined> {
  try {
    return await repository.loadFile('index', name, { signal })
  } catch (thrown) {
    signal?.throwIfAborted()
    if (!onDamaged || !(hasCode(thrown, 'FILE_DAMAGED') || hasCode(thrown, 'FILE_NOT_FOUND'))) throw thrown
    onDamaged(name, thrown as Error)
    return undefined
  }
}

function readInto(index: BlobIndex, name: string, json: Buffer, { onDamaged, onFile }: LoadIndexOptions): void {
  const [packId, blobId] = [Buffer.alloc(32), Buffer.alloc(32)]
  const [firstPack, firstEntry] = [index.packCount, index.size]
  const marks: { id: Buffer; about: MarkedPack; blobs: PackBlobsBuilder }[] = []
  let pack = 0
  try {
    parseIndexFile(json, {
      packId,
      blobId,
      pack: () => {
        pack = index.addPack(packId)
      },
      blob: (type, offset, length, plainLength) => {
        index.add(type === 1 ? 'tree' : 'data', blobId, 0, { pack, offset, length, plainLength })
      },
      ...(onFile && {
        packToDelete: (about) => marks.push({ id: Buffer.from(packId), about, blobs: new PackBlobsBuilder() }),
        blobToDelete: (type, offset, length, plainLength) =>
          marks.at(-1)?.blobs.add({ type, ids: blobId, at: 0, offset, length, plainLength }),
      }),
    })
  } catch (cause) {
    throwIfBug(cause)
    const details = { type: 'index', name: name.slice(0, 10), reason: messageOf(cause), cause }
    const damaged = new RepositoryError('FILE_DAMAGED', details)
    if (!onDamaged) throw damaged
    onDamaged(name, damaged)
  }
  onFile?.({
    name,
    firstPack,
    packsEnd: index.packCount,
    blobs: index.size - firstEntry,
    marks: marks.map(({ id, about, blobs }) => ({ id, ...about, blobs: blobs.build() })),
  })
}

class Indexed implements IndexedRepository {
  readonly index: BlobIndex
  readonly indexFiles: ReadonlySet<string>
  readonly #repository: Repository

  constructor(repository: Repository, index: BlobIndex, indexFiles: ReadonlySet<string>) {
    this.#repository = repository
    this.index = index
    this.indexFiles = indexFiles
  }

  get backend() {
    return this.#repository.backend
  }
  get config() {
    return this.#repository.config
  }
  get keyName() {
    return this.#repository.keyName
  }
  get settings() {
    return this.#repository.settings
  }
  get codec(): BlobCodec {
    return this.#repository.codec
  }
  get polynomial() {
    return this.#repository.polynomial
  }
  async loadFile(...args: Parameters<Repository['loadFile']>): Promise<Buffer> {
    return await this.#repository.loadFile(...args)
  }
  async saveFile(...args: Parameters<Repository['saveFile']>): Promise<string> {
    return await this.#repository.saveFile(...args)
  }
  [Symbol.dispose](): void {
    this.#repository[Symbol.dispose]()
  }
}
