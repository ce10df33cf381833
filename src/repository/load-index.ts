import { hasCode, mapOrdered, messageOf } from '#base'
import type { Cancellable } from '#base'
import { BlobIndex } from './blob-index.ts'
import type { BlobCodec } from './blob-codec.ts'
import { IndexThreads } from './index-threads.ts'
import { readIndexFile } from './read-index-file.ts'
import type { IndexFileContent, LoadedMark } from './read-index-file.ts'
import type { IndexedRepository, Repository } from './repository.ts'
import { damagedFile } from './sealed-file.ts'

export interface LoadIndexOptions extends Cancellable {
  readonly onProgress?: (loaded: number, total: number) => void
  /**
   * What to do about an index file that is damaged. Default: fail. `check` and `repair` collect them.
   */
  readonly onDamaged?: ((name: string, error: Error) => void) | undefined
  /** Told what each index file held. `prune` and `check` work on files and packs, not only on blobs. */
  readonly onFile?: ((file: LoadedIndexFile) => void) | undefined
  /** Threads that read index files. Default: as many as are worth it. */
  readonly threads?: number | undefined
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

/** Loads every index file into memory. Throws `FILE_DAMAGED`. */
export async function loadIndex(repository: Repository, options: LoadIndexOptions = {}): Promise<IndexedRepository> {
  const { signal, onProgress, onFile } = options
  const index = new BlobIndex()
  const names: string[] = []
  let bytes = 0
  for await (const { name, size } of repository.backend.list('index', { signal })) {
    names.push(name)
    bytes += size
  }
  await using threads = IndexThreads.start(repository, bytes, options)
  const loadOne = async (name: string) => ({ name, content: await loadContent(repository, name, { threads, options }) })
  const concurrency = Math.max(repository.backend.connections, (threads?.threads ?? 0) * 2)
  const loaded = new Set<string>()
  for await (const { name, content } of mapOrdered(names, loadOne, { concurrency, signal })) {
    if (content) {
      const file = append(index, name, 'json' in content ? readHere(name, content.json, options) : content)
      onFile?.(file)
    }
    loaded.add(name)
    onProgress?.(loaded.size, names.length)
  }
  index.settleAppended()
  return new Indexed(repository, index, loaded)
}

/** Names of the index files that the storage lists now. */
export async function listIndexFiles(repository: Repository, options: Cancellable = {}): Promise<Set<string>> {
  const names = new Set<string>()
  for await (const { name } of repository.backend.list('index', options)) names.add(name)
  return names
}

type FileContent = Pick<IndexFileContent, 'batch' | 'marks'>

/** What an index file holds, where a thread has read it; its JSON, where none has; undefined when it cannot be had. */
async function loadContent(
  repository: Repository,
  name: string,
  { threads, options }: { readonly threads: IndexThreads | undefined; readonly options: LoadIndexOptions },
): Promise<FileContent | { readonly json: Buffer } | undefined> {
  const batch = await threads?.read(name, options)
  if (batch) return { batch, marks: [] }
  const json = await loadIndexFile(repository, name, options)
  return json && { json }
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

/** What an index file that no thread has read holds, as far as it can be read. */
function readHere(name: string, json: Buffer, { onDamaged }: LoadIndexOptions): FileContent {
  const { batch, marks, damage } = readIndexFile(json)
  if (damage !== undefined) {
    const damaged = damagedFile('index', name, messageOf(damage), damage)
    if (!onDamaged) throw damaged
    onDamaged(name, damaged)
  }
  return { batch, marks }
}

function append(index: BlobIndex, name: string, { batch, marks }: FileContent): LoadedIndexFile {
  const [firstPack, firstEntry] = [index.packCount, index.size]
  index.append(batch)
  return { name, firstPack, packsEnd: index.packCount, blobs: index.size - firstEntry, marks }
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
