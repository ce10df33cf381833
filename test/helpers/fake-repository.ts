/** A repository in memory for tests: folders of a disk or made-up nodes as trees, contents in packs of a few blobs. */
import { hash } from 'node:crypto'
import * as fs from 'node:fs'

import { encodeNode, encodeTree, openTree } from '#repository'
import type {
  BlobPlace,
  ContentWriter,
  CreateFolderScanner,
  DeliveryOrder,
  DeliveryResult,
  ExtendedAttribute,
  FolderScanner,
  Node,
  ScanOptions,
  ScanOrder,
  Tree,
} from '#repository'

import { RepositoryError } from '../../src/repository/errors.ts'
import { namedDoor } from '../../src/filesystem/platform/metadata-door.ts'
import type { RestoreNode, RestoreRepository, RestoreTree } from '../../src/restorer/repository.ts'

export interface FakeOptions {
  /** Contents are cut into blobs of this size. Default 64 KiB. */
  readonly blobBytes?: number
  readonly blobsPerPack?: number
}

export class FakeRepository implements RestoreRepository, Disposable {
  /** When false, nothing is known of any folder before it is looked at. */
  scans = true
  /** Trees that were asked for. */
  treesLoaded = 0
  /** Packs that cannot be read. */
  readonly lostPacks = new Set<string>()
  /** Called before each order is delivered. */
  onOrder: (order: DeliveryOrder) => void | Promise<void> = () => {}
  /** What has been delivered. */
  readonly orders: DeliveryOrder[] = []
  readonly blobs = new Map<string, Buffer>()
  readonly #trees = new Map<string, readonly Node[]>()
  readonly #places = new Map<string, BlobPlace>()
  readonly #writers = new Map<unknown, ContentWriter>()
  readonly #scanners = new Map<unknown, FolderScanner>()
  readonly #options: Required<FakeOptions>
  #offset = 0

  constructor({ blobBytes = 64 << 10, blobsPerPack = 8 }: FakeOptions = {}) {
    this.#options = { blobBytes, blobsPerPack }
  }

  async loadTree(id: Buffer): Promise<RestoreTree> {
    this.treesLoaded++
    const nodes = this.#trees.get(id.toString('hex'))
    if (!nodes) throw new RepositoryError('BLOB_NOT_FOUND', { type: 'tree', id: id.toString('hex') })
    return nodes.map(restoreNode)
  }

  places(id: Buffer): readonly BlobPlace[] {
    const place = this.#places.get(id.toString('hex'))
    return place ? [place] : []
  }

  async deliver(order: DeliveryOrder): Promise<DeliveryResult> {
    await this.onOrder(order)
    this.orders.push(order)
    const writer = await this.#writer(order)
    const failures: { write: number; error: Error }[] = []
    let bytes = 0
    for (const [index, write] of order.writes.entries()) {
      try {
        if (this.lostPacks.has(order.pack)) throw new Error(`the pack ${order.pack} is not there`)
        const blobOf = (at: number) => this.blobs.get((order.blobs[at] as { id: Buffer }).id.toString('hex')) as Buffer
        if (write.kind === 'part') writer.write(structuredClone(write.ref), write.offset, blobOf(write.blob))
        else writer.writeWhole(structuredClone(write.ref), write.blobs.map(blobOf))
        bytes += write.kind === 'part' ? blobOf(write.blob).length : 0
      } catch (error) {
        failures.push({ write: index, error: error as Error })
      }
    }
    return { failures, bytes }
  }

  async scanFolders(orders: readonly ScanOrder[], { scanner }: ScanOptions): Promise<unknown[]> {
    const ours = await this.#scanner(scanner)
    return orders.map(({ folder, tree }) => {
      const bytes = this.scans ? this.#encoded(tree) : undefined
      return bytes && structuredClone(ours.scan(folder, bytes))
    })
  }

  #encoded(id: Buffer): Tree | undefined {
    const nodes = this.#trees.get(id.toString('hex'))
    try {
      return nodes && openTree(encodeTree(nodes.map(encodeNode)))
    } catch {
      return undefined // made up, and nothing that a repository can hold
    }
  }

  async #scanner(spec: ScanOptions['scanner']): Promise<FolderScanner> {
    let scanner = this.#scanners.get(spec)
    if (!scanner) {
      const module = (await import(spec.module.href)) as { createFolderScanner: CreateFolderScanner }
      const blobs = { useBlobs: () => false, lengthsOf: (ids: Buffer) => this.#lengthsOf(ids) }
      this.#scanners.set(spec, (scanner = await module.createFolderScanner(structuredClone(spec.options), blobs)))
    }
    return scanner
  }

  #lengthsOf(ids: Buffer): Uint32Array | undefined {
    const places = Array.from({ length: ids.length / 32 }, (_, i) => this.places(ids.subarray(i * 32, i * 32 + 32))[0])
    const known = places.filter((place) => place !== undefined)
    return known.length === places.length ? Uint32Array.from(known, (place) => place.plainLength) : undefined
  }

  async #writer({ writer: { module, options } }: DeliveryOrder): Promise<ContentWriter> {
    let writer = this.#writers.get(options)
    if (!writer) {
      const { createContentWriter } = (await import(module.href)) as typeof import('../../src/filesystem/writer.ts')
      this.#writers.set(options, (writer = createContentWriter(options)))
    }
    return writer
  }

  /** Saves a content; the ids of its blobs. */
  saveContent(content: Buffer): Buffer {
    const ids: Buffer[] = []
    for (let at = 0; at < content.length; at += this.#options.blobBytes) {
      ids.push(this.#saveBlob(Buffer.from(content.subarray(at, at + this.#options.blobBytes))))
    }
    return Buffer.concat(ids)
  }

  #saveBlob(blob: Buffer): Buffer {
    const id = hash('sha256', blob, 'buffer')
    const key = id.toString('hex')
    if (this.blobs.has(key)) return id
    if (this.blobs.size % this.#options.blobsPerPack === 0) this.#offset = 0
    const pack = hash('sha256', `pack ${Math.floor(this.blobs.size / this.#options.blobsPerPack)}`, 'hex')
    this.#places.set(key, { pack, offset: this.#offset, length: blob.length + 32, plainLength: blob.length })
    this.#offset += blob.length + 32
    this.blobs.set(key, blob)
    return id
  }

  /** Saves nodes as they are, in the order of their names unless `sorted` is false. */
  saveTree(nodes: readonly Node[]): Buffer {
    const text = JSON.stringify(nodes, (_, value) => (typeof value === 'bigint' ? String(value) : (value as unknown)))
    const id = hash('sha256', text, 'buffer')
    this.#trees.set(id.toString('hex'), nodes)
    return id
  }

  /** Saves a folder of this machine; the id of its tree. */
  saveFolder(path: string | Buffer): Buffer {
    const names = fs.readdirSync(path, { encoding: 'buffer' }).sort((a, b) => a.compare(b))
    return this.saveTree(names.map((name) => this.#nodeOf(Buffer.from(path as string), name)))
  }

  #nodeOf(folder: Buffer, name: Buffer): Node {
    const path = Buffer.concat([folder, Buffer.from('/'), name])
    const stat = fs.lstatSync(path, { bigint: true })
    const isFile = stat.isFile()
    const isDevice = stat.isBlockDevice() || stat.isCharacterDevice()
    return {
      ...aNode(name.toString('latin1')),
      name,
      type: typeOf(stat),
      mode: goMode(stat),
      mtime: timeText(stat.mtimeNs),
      atime: timeText(stat.mtimeNs),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      inode: stat.ino,
      deviceId: stat.dev,
      links: stat.isDirectory() ? 0n : stat.nlink,
      size: isFile ? stat.size : 0n,
      device: isDevice ? stat.rdev : 0n,
      content: isFile ? this.saveContent(fs.readFileSync(path)) : null,
      extendedAttributes: attributesOf(folder, name),
      ...(stat.isSymbolicLink() ? { linkTarget: fs.readlinkSync(path, 'buffer') } : {}),
      ...(stat.isDirectory() ? { subtree: this.saveFolder(path) } : {}),
    }
  }

  [Symbol.dispose](): void {
    for (const opened of [...this.#writers.values(), ...this.#scanners.values()]) opened[Symbol.dispose]?.()
  }
}

/** A plain file of no content, to be changed by spreading. */
export function aNode(name: string, changes: Partial<Node> = {}): Node {
  const time = '2020-01-02T03:04:05.678Z'
  return {
    name: Buffer.from(name, 'latin1'),
    type: 'file',
    mode: 0o644,
    mtime: time,
    atime: time,
    ctime: time,
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    user: '',
    group: '',
    inode: 0n,
    deviceId: 0n,
    size: 0n,
    links: 1n,
    device: 0n,
    content: Buffer.alloc(0),
    ...changes,
  }
}

export function aFile(
  repository: FakeRepository,
  name: string,
  content: string | Buffer,
  changes?: Partial<Node>,
): Node {
  const bytes = Buffer.from(content as string)
  return aNode(name, { content: repository.saveContent(bytes), size: BigInt(bytes.length), ...changes })
}

export function aFolder(
  repository: FakeRepository,
  name: string,
  nodes: readonly Node[],
  changes?: Partial<Node>,
): Node {
  return aNode(name, {
    type: 'dir',
    mode: 2 ** 31 + 0o755,
    content: null,
    subtree: repository.saveTree(nodes),
    links: 0n,
    ...changes,
  })
}

function restoreNode(node: Node): RestoreNode {
  return {
    name: node.name,
    type: node.type,
    size: node.size,
    mtimeNs: timeOf(node.mtime),
    inode: node.inode,
    deviceId: node.deviceId,
    links: node.links,
    content: node.content,
    subtree: node.subtree,
    decode: () => node,
  }
}

function typeOf(stat: fs.BigIntStats): Node['type'] {
  if (stat.isDirectory()) return 'dir'
  if (stat.isSymbolicLink()) return 'symlink'
  if (stat.isBlockDevice()) return 'dev'
  if (stat.isCharacterDevice()) return 'chardev'
  if (stat.isFIFO()) return 'fifo'
  return stat.isSocket() ? 'socket' : 'file'
}

function goMode(stat: fs.BigIntStats): number {
  const mode = Number(stat.mode)
  const bit = (posix: number, go: number) => (mode & posix ? 2 ** go : 0)
  const type = stat.isDirectory() ? 2 ** 31 : stat.isSymbolicLink() ? 2 ** 27 : 0
  return (mode & 0o777) + bit(0o4000, 23) + bit(0o2000, 22) + bit(0o1000, 20) + type
}

function attributesOf(folder: Buffer, name: Buffer): readonly ExtendedAttribute[] {
  const open = fs.openSync(folder, 'r')
  try {
    const door = namedDoor(open, name)
    return door.listAttributes().map((key) => ({ name: key, value: door.getAttribute(key) }))
  } finally {
    fs.closeSync(open)
  }
}

function timeText(nanoseconds: bigint): string {
  const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  const date = new Date(Number((nanoseconds - rest) / 1_000_000n))
  return date.toISOString().replace('.000Z', `.${String(rest).padStart(9, '0')}Z`)
}

function timeOf(text: string): bigint {
  const [seconds, fraction = ''] = text.replace('Z', '').split('.')
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}
