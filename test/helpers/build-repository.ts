/**
 * Builds repositories in memory, snapshot by snapshot, with the repository's own writer and without threads: fast enough
 * for tests that need hundreds of states. A state can be kept, changed, brought back, and given to restic in a folder.
 */
import { LocalBackend, MemoryBackend } from '#backend'
import type { Backend, CallOptions, FileRef, FileType, ListedFile, ReadOptions, WriteOptions } from '#backend'
import {
  encodeNode,
  encodeTree,
  findUsed,
  initRepository,
  loadBlob,
  loadIndex,
  loadSnapshots,
  saveSnapshot,
} from '#repository'
import type { IndexedRepository, Node, Repository } from '#repository'
import { IndexSaver } from '../../src/repository/index-saver.ts'
import { Packer } from '../../src/repository/packer.ts'
import type { SealedPack } from '../../src/repository/packer.ts'

export const password = 'correct horse'

/** What is stored, by `type/name`. */
export type RepositoryState = ReadonlyMap<string, Buffer>

/** A memory backend whose content can be exchanged, and which can "die": from some change on every call fails. */
export class TestBackend implements Backend {
  readonly location = 'memory'
  readonly connections = 4
  readonly fast = true
  memory = new MemoryBackend()
  /** Writes and deletes so far. */
  changes = 0
  /** The change at which it dies, from 1. */
  diesAt = Infinity
  /** Called before each change, which then happens. */
  onChange: ((method: 'write' | 'delete', file: FileRef) => void) | undefined

  get files(): Map<string, Buffer> {
    return this.memory.files
  }
  keep(): RepositoryState {
    return new Map(this.files)
  }
  bringBack(state: RepositoryState): void {
    this.memory = new MemoryBackend(new Map(state))
    this.changes = 0
    this.diesAt = Infinity
    this.onChange = undefined
  }
  names(type: FileType): string[] {
    return [...this.files.keys()].filter((key) => key.startsWith(`${type}/`)).map((key) => key.slice(type.length + 1))
  }
  async create(options?: CallOptions): Promise<void> {
    await this.memory.create(options)
  }
  async *list(type: FileType, options?: CallOptions): AsyncIterable<ListedFile> {
    this.#live()
    yield* this.memory.list(type, options)
  }
  async size(file: FileRef, options?: CallOptions): Promise<number | undefined> {
    this.#live()
    return await this.memory.size(file, options)
  }
  async read(file: FileRef, options?: ReadOptions): Promise<Buffer> {
    this.#live()
    return await this.memory.read(file, options)
  }
  async write(file: FileRef, bytes: Uint8Array, options?: WriteOptions): Promise<void> {
    this.#change('write', file)
    await this.memory.write(file, bytes, options)
  }
  async delete(file: FileRef, options?: CallOptions): Promise<void> {
    this.#change('delete', file)
    await this.memory.delete(file, options)
  }
  async [Symbol.asyncDispose](): Promise<void> {}

  #change(method: 'write' | 'delete', file: FileRef): void {
    this.changes++
    this.#live()
    this.onChange?.(method, file)
  }
  #live(): void {
    if (this.changes >= this.diesAt) throw new Error('killed here')
  }
}

/** Content of files by path: `a/b.txt`. Each file is one blob, or several when it is given as a list. */
export type TestFiles = Readonly<Record<string, Buffer | readonly Buffer[]>>

export interface SnapshotOptions {
  /** Bytes of blobs after which a pack is complete. Default: 64 KiB. */
  readonly packSize?: number
  readonly time?: string
  /** Stores blobs even when the index knows them. */
  readonly again?: boolean
}

export class TestRepository {
  readonly backend: TestBackend
  readonly repository: Repository

  private constructor(backend: TestBackend, repository: Repository) {
    this.backend = backend
    this.repository = repository
  }

  /** Costs a fifth of a second: once for each test file. */
  static async create(options: { readonly version?: 1 | 2 } = {}): Promise<TestRepository> {
    const backend = new TestBackend()
    return new TestRepository(backend, await initRepository(backend, { password, ...options }))
  }

  /** Stores the files as a snapshot and returns its name. */
  async snapshot(files: TestFiles, options: SnapshotOptions = {}): Promise<string> {
    const tree = await this.store(files, options)
    return await this.saveSnapshotOf(tree, options.time)
  }

  async saveSnapshotOf(tree: Buffer, time: string = '2026-01-02T03:04:05Z'): Promise<string> {
    const about = { hostname: 'host', username: 'user', uid: 0, gid: 0, excludes: [], tags: [] }
    return await saveSnapshot(this.repository, { time, tree, paths: ['/test'], ...about })
  }

  /** Stores blobs of any content. */
  async saveBlobs(type: 'data' | 'tree', blobs: readonly Buffer[]): Promise<void> {
    const store = new BlobStore(await loadIndex(this.repository), 1 << 20, false)
    for (const blob of blobs) store.save(type, blob)
    await store.finish()
  }

  /** Stores packs and an index, and returns the root tree. */
  async store(files: TestFiles, { packSize = 64 << 10, again = false }: SnapshotOptions = {}): Promise<Buffer> {
    const indexed = await loadIndex(this.repository)
    const store = new BlobStore(indexed, packSize, again)
    const root: Folder = new Map()
    for (const [path, content] of Object.entries(files)) place(root, path.split('/'), content)
    const tree = store.saveFolder(root)
    await store.finish()
    return tree
  }

  async load(): Promise<IndexedRepository> {
    return await loadIndex(this.repository)
  }

  /** Ids of all blobs that snapshots need, each proven to be readable and right. */
  async provenBlobs(): Promise<Set<string>> {
    const indexed = await this.load()
    const roots = (await loadSnapshots(this.repository)).map(({ tree }) => tree)
    const used = await findUsed(indexed, roots)
    const ids = new Set<string>()
    for (const entry of used) {
      const id = indexed.index.idOf(entry)
      await loadBlob(indexed, indexed.index.typeOf(entry), id)
      ids.add(id.toString('hex'))
    }
    return ids
  }

  /** Writes the repository into a folder, for restic. */
  async writeTo(path: string): Promise<void> {
    await using local = new LocalBackend(path)
    await local.create()
    for (const [key, bytes] of this.backend.files) {
      const [type, name] = key.split('/') as [FileType, string]
      if (type !== 'lock') await local.write({ type, name }, bytes)
    }
  }

  /** Reads the repository from a folder, after restic has changed it. */
  async readFrom(path: string): Promise<void> {
    await using local = new LocalBackend(path)
    const files = new Map<string, Buffer>()
    files.set('config/', await local.read({ type: 'config', name: '' }))
    for (const type of ['key', 'snapshot', 'index', 'pack'] as const) {
      for await (const { name } of local.list(type)) files.set(`${type}/${name}`, await local.read({ type, name }))
    }
    this.backend.bringBack(files)
  }
}

type Folder = Map<string, Folder | Buffer | readonly Buffer[]>

function place(folder: Folder, path: readonly string[], content: Buffer | readonly Buffer[]): void {
  const [name, ...rest] = path as [string, ...string[]]
  if (rest.length === 0) return void folder.set(name, content)
  const inner = (folder.get(name) as Folder | undefined) ?? new Map()
  folder.set(name, inner)
  place(inner, rest, content)
}

class BlobStore {
  readonly #repository: IndexedRepository
  readonly #again: boolean
  readonly #saver: IndexSaver
  readonly #packs: SealedPack[] = []
  readonly #packers: { readonly data: Packer; readonly tree: Packer }

  constructor(repository: IndexedRepository, packSize: number, again: boolean) {
    this.#repository = repository
    this.#again = again
    this.#saver = new IndexSaver(repository)
    const packer = () =>
      new Packer({
        codec: repository.codec,
        index: repository.index,
        packSize,
        buffers: { take: (bytes) => Buffer.alloc(bytes) },
        emit: (pack) => this.#packs.push(pack),
      })
    this.#packers = { data: packer(), tree: packer() }
  }

  saveFolder(folder: Folder): Buffer {
    const names = [...folder.keys()].toSorted()
    const nodes = names.map((name) => {
      const content = folder.get(name) as Folder | Buffer | readonly Buffer[]
      if (content instanceof Map) return encodeNode({ ...node(name, 'dir'), subtree: this.saveFolder(content) })
      const blobs = Buffer.isBuffer(content) ? [content] : content
      const size = BigInt(blobs.reduce((sum, blob) => sum + blob.length, 0))
      return encodeNode({ ...node(name, 'file'), size, content: Buffer.concat(blobs.map((b) => this.save('data', b))) })
    })
    return this.save('tree', encodeTree(nodes))
  }

  save(type: 'data' | 'tree', plain: Buffer): Buffer {
    const { codec, index } = this.#repository
    const id = Buffer.alloc(32)
    codec.primitives.hasher.sha256(plain, id)
    if (!this.#again || index.find(type, id) < 0) this.#packers[type].save(type, plain, id, 0)
    else {
      const sealed = Buffer.alloc(codec.sealedBound(plain.length))
      const { length, plainLength } = codec.seal(type, plain, sealed, 0)
      const entry = index.add(type, id, 0, { pack: index.addPack(id), offset: 0, length, plainLength })
      this.#packers[type].append({ type, id, sealed: sealed.subarray(0, length), plainLength, entry })
    }
    return id
  }

  async finish(): Promise<void> {
    this.#packers.data.flush()
    this.#packers.tree.flush()
    for (const pack of this.#packs) {
      await this.#repository.backend.write({ type: 'pack', name: pack.name.toString('hex') }, Buffer.from(pack.bytes))
      this.#saver.add(pack)
    }
    await this.#saver.flush()
  }
}

function node(name: string, type: 'file' | 'dir'): Node {
  const time = '2026-01-02T03:04:05Z'
  return {
    name: Buffer.from(name),
    type,
    mode: type === 'dir' ? 0x8000_01ed : 0o644,
    mtime: time,
    atime: time,
    ctime: time,
    uid: 0,
    gid: 0,
    user: '',
    group: '',
    inode: 0n,
    deviceId: 0n,
    size: 0n,
    links: type === 'dir' ? 0n : 1n,
    device: 0n,
    content: null,
  }
}
