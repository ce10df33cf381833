import { hasCode, mapOrdered } from '#base'
import type { Cancellable } from '#base'
import { BlobIndex } from './blob-index.ts'
import type { BlobCodec } from './blob-codec.ts'
import { parseIndexFile } from './format/index-file.ts'
import type { IndexedRepository, Repository } from './repository.ts'

export interface LoadIndexOptions extends Cancellable {
  readonly onProgress?: (loaded: number, total: number) => void
  /**
   * What to do about an index file that is damaged. Default: fail. `check` and `repair` collect them.
   */
  readonly onDamaged?: ((name: string, error: Error) => void) | undefined
}

/** Loads every index file into memory. Throws `FILE_DAMAGED`. */
export async function loadIndex(repository: Repository, options: LoadIndexOptions = {}): Promise<IndexedRepository> {
  const { signal, onProgress, onDamaged } = options
  const index = new BlobIndex()
  const names: string[] = []
  for await (const { name } of repository.backend.list('index', { signal })) names.push(name)
  const loadOne = async (name: string) => ({ name, json: await loadIndexFile(repository, name, { signal, onDamaged }) })
  const loaded = new Set<string>()
  for await (const { name, json } of mapOrdered(names, loadOne, {
    concurrency: repository.backend.connections,
    signal,
  })) {
    if (json) readInto(index, name, json, onDamaged)
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

function readInto(index: BlobIndex, name: string, json: Buffer, onDamaged: LoadIndexOptions['onDamaged']): void {
  const [packId, blobId] = [Buffer.alloc(32), Buffer.alloc(32)]
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
    })
  } catch (thrown) {
    if (!onDamaged) throw thrown
    onDamaged(name, thrown as Error)
  }
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
