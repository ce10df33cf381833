/**
 * `node bench/huge-index.ts FOLDER BLOBS`: makes a repository with so many blobs in little space and time: files of a
 * thousand blobs of 100 bytes each, sealed and packed by the repository's own code; one snapshot, tagged `many-blobs`.
 */
import { availableParallelism } from 'node:os'
import { ThreadPool } from '#base'
import { LocalBackend } from '#backend'
import { encodeNode, encodeTree, initRepository, loadIndex, saveSnapshot } from '#repository'
import type { IndexedRepository, Node } from '#repository'
import { IndexSaver } from '../src/repository/index-saver.ts'
import { PackUploader } from '../src/repository/pack-uploader.ts'
import { Packer, defaultPackSize } from '../src/repository/packer.ts'
import { password } from './contender.ts'
import type { HugeIndexSetup, PackPosted } from './huge-index-thread.ts'
import { blobBytes, blobsPerFile, fileName, filesPerFolder, folderName } from './huge-index-layout.ts'

const time = '2026-01-02T03:04:05Z'
/** Most packs in memory that wait to be written. */
const packsUnderWay = 8

class HugeRepository {
  readonly #repository: IndexedRepository
  readonly #saver: IndexSaver
  readonly #uploader: PackUploader
  readonly #pool: ThreadPool
  readonly #trees: Packer
  #failure: Error | undefined

  constructor(repository: IndexedRepository) {
    this.#repository = repository
    this.#saver = new IndexSaver(repository)
    this.#uploader = new PackUploader({
      backend: repository.backend,
      onStored: (pack) => this.#saver.add(pack),
      onFailure: (error) => {
        this.#failure = error
      },
    })
    this.#pool = new ThreadPool({
      module: new URL('./huge-index-thread.ts', import.meta.url),
      threads: availableParallelism(),
      data: { index: repository.index.shared, codec: repository.settings } satisfies HugeIndexSetup,
      onMessage: (message) => this.#write(message as PackPosted),
    })
    this.#trees = new Packer({
      codec: repository.codec,
      index: repository.index,
      packSize: defaultPackSize,
      buffers: { take: (bytes) => Buffer.allocUnsafeSlow(bytes) },
      emit: (pack) => this.#uploader.add(pack, () => undefined),
    })
  }

  async fill(blobs: number): Promise<void> {
    await using _ = this.#pool
    const folders = Math.ceil(blobs / (blobsPerFile * filesPerFolder))
    const nodes: Buffer[] = []
    for (let folder = 0; folder < folders; folder++) {
      const subtree = this.#saveTree(await this.#storeFiles(folder, blobs))
      nodes.push(encodeNode({ ...node(folderName(folder), 'dir'), subtree }))
      await this.#uploader.drain(packsUnderWay)
    }
    await this.#pool.runInEach('flush', undefined)
    const tree = this.#saveTree(nodes)
    this.#trees.flush()
    await this.#uploader.drain()
    await this.#saver.flush()
    if (this.#failure) throw this.#failure
    const about = { hostname: 'bench', username: 'bench', uid: 0, gid: 0, excludes: [], tags: ['many-blobs'] }
    await saveSnapshot(this.#repository, { time, tree, paths: ['/'], ...about })
  }

  async #storeFiles(folder: number, blobs: number): Promise<Buffer[]> {
    const numbers = Array.from({ length: filesPerFolder }, (_, i) => folder * filesPerFolder + i)
    const wanted = numbers.filter((file) => file * blobsPerFile < blobs)
    return await Promise.all(
      wanted.map(async (file) => {
        const first = file * blobsPerFile
        const count = Math.min(blobsPerFile, blobs - first)
        const ids = await this.#pool.run<Uint8Array>('store', { first, blobs: count })
        const content = Buffer.from(ids.buffer, ids.byteOffset, ids.length)
        return encodeNode({ ...node(fileName(file), 'file'), size: BigInt(count * blobBytes), content })
      }),
    )
  }

  #saveTree(nodes: readonly Buffer[]): Buffer {
    const bytes = encodeTree(nodes)
    const id = Buffer.alloc(32)
    this.#repository.codec.primitives.hasher.sha256(bytes, id)
    this.#trees.save('tree', bytes, id, 0)
    return id
  }

  #write({ name, bytes, blobs }: PackPosted): void {
    const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#uploader.add({ name: Buffer.from(name), bytes: content, blobs }, () => undefined)
  }
}

function node(name: string, type: 'file' | 'dir'): Node {
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

const [folder = '', blobs = '10000000'] = process.argv.slice(2)
await using backend = new LocalBackend(folder)
using repository = await initRepository(backend, { password })
await new HugeRepository(await loadIndex(repository)).fill(Number(blobs))
