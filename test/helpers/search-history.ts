/**
 * Histories for tests of search: snapshots of made-up folders in a repository in memory, and the same kept as plain lists, which
 * are searched in the most simple-minded way. The index must answer as that does.
 */
import { encodeNode, encodeTree, deleteSnapshot, idFromHex, saveSnapshot } from '#repository'
import type { Node } from '#repository'
import { TestRepository } from './build-repository.ts'
import { aNode } from './fake-repository.ts'
import { idOf } from './memory-repository.ts'
import type { Random } from './seed.ts'

/** A file by what makes a version of it. Names are bytes, written as Latin-1. */
export interface ModelFile {
  readonly kind: 'file' | 'link' | 'other'
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modified: number
  readonly content: number
}

/** Names of a folder: files, and folders in it. */
export type ModelFolder = Map<string, ModelFile | ModelFolder>

export interface ModelSnapshot {
  readonly id: string
  readonly time: number
  readonly host: string
  readonly paths: readonly string[]
  readonly tags: readonly string[]
  /** What can be read of it, by path. */
  readonly entries: ReadonlyMap<string, ModelFile | 'folder'>
  readonly isWhole: boolean
  readonly tree: Buffer
}

export interface SnapshotToMake {
  readonly time: number
  readonly host?: string
  readonly paths?: readonly string[]
  readonly tags?: readonly string[]
  /** Paths of folders whose trees are lost. */
  readonly lost?: readonly string[]
}

export class SearchHistory {
  readonly source: TestRepository
  readonly snapshots: ModelSnapshot[] = []
  #marks = 0

  private constructor(source: TestRepository) {
    this.source = source
  }

  /** A new history. It takes the repository from the one before: making one costs a good part of a second. */
  static async create(): Promise<SearchHistory> {
    const { source, empty } = await made
    source.backend.bringBack(empty)
    return new SearchHistory(source)
  }

  async add(root: ModelFolder, { time, host = 'host', paths = ['/data'], tags = [], lost = [] }: SnapshotToMake) {
    const entries = new Map<string, ModelFile | 'folder'>()
    const trees: Buffer[] = []
    const isWhole = ![...foldersIn(root), ''].some((path) => lost.includes(path))
    const tree = this.#encode(root, '', { entries, trees, lost, isLost: false })
    await this.source.saveBlobs('tree', trees)
    return await this.#save({ time, host, paths, tags, entries, isWhole, tree })
  }

  async forget(snapshot: ModelSnapshot): Promise<void> {
    await deleteSnapshot(this.source.repository, snapshot.id)
    this.snapshots.splice(this.snapshots.indexOf(snapshot), 1)
  }

  /** As `tag` does: the same snapshot under a new id. */
  async changeTags(snapshot: ModelSnapshot, tags: readonly string[]): Promise<void> {
    await this.#save({ ...snapshot, tags })
    await this.forget(snapshot)
  }

  async #save(about: Omit<ModelSnapshot, 'id'>): Promise<ModelSnapshot> {
    const { time, host, paths, tags, tree } = about
    const id = await saveSnapshot(this.source.repository, {
      time: new Date(time).toISOString(),
      tree,
      paths,
      hostname: host,
      username: 'user',
      uid: 0,
      gid: 0,
      excludes: [],
      tags,
    })
    const snapshot = { ...about, id }
    this.snapshots.push(snapshot)
    return snapshot
  }

  #encode(folder: ModelFolder, path: string, into: Encoding): Buffer {
    const { entries, trees, lost } = into
    const isLost = into.isLost || lost.includes(path)
    const nodes = [...folder]
      .toSorted(([a], [b]) => Buffer.compare(bytesOf(a), bytesOf(b)))
      .map(([name, entry]) => {
        const inside = `${path}/${name}`
        if (!isLost) entries.set(inside, entry instanceof Map ? 'folder' : entry)
        if (!(entry instanceof Map)) return encodeNode(fileNode(name, entry))
        const subtree = this.#encode(entry, inside, { ...into, isLost })
        return encodeNode(aNode(name, { type: 'dir', content: null, subtree }))
      })
    // One that is lost must not be there by another snapshot's doing.
    if (lost.includes(path)) nodes.push(encodeNode(aNode(`\xff\xff mark ${++this.#marks}`)))
    const tree = encodeTree(nodes)
    if (!lost.includes(path)) trees.push(tree)
    return idOf(tree)
  }
}

const made = TestRepository.create().then((source) => ({ source, empty: source.backend.keep() }))

interface Encoding {
  readonly entries: Map<string, ModelFile | 'folder'>
  readonly trees: Buffer[]
  readonly lost: readonly string[]
  readonly isLost: boolean
}

function fileNode(name: string, { kind, size, modified, content }: ModelFile): Node {
  const blob = idFromHex(content.toString(16).padStart(64, '0'))
  return aNode(name, {
    type: kind === 'file' ? 'file' : kind === 'link' ? 'symlink' : 'fifo',
    mtime: new Date(modified).toISOString(),
    size: BigInt(size),
    content: kind === 'file' ? blob : null,
    ...(kind === 'link' && { linkTarget: Buffer.from(`target ${content}`) }),
  })
}

function bytesOf(name: string): Buffer {
  return Buffer.from(name, 'latin1')
}

const names = [
  'report',
  'Report.xlsx',
  'accounts',
  'a',
  'b.txt',
  'Stra\xc3\x9fe',
  '\xff\xfe bad',
  'R\xc3\xa9sum\xc3\xa9.doc',
  '2024',
]

/** Changes some of what is in a folder, somewhere. */
export function changeFolder(root: ModelFolder, random: Random): void {
  const folder = randomFolder(root, random)
  const name = random.pick(names)
  const choice = random.below(10)
  if (choice < 3) folder.delete(name)
  else if (choice < 5) folder.set(name, new Map())
  else if (choice < 6) folder.set(name, cloneFolder(randomFolder(root, random)))
  else if (choice < 7) rename(folder, name, random.pick(names))
  else folder.set(name, randomFile(random))
}

export function cloneFolder(folder: ModelFolder): ModelFolder {
  return new Map([...folder].map(([name, entry]) => [name, entry instanceof Map ? cloneFolder(entry) : entry]))
}

/** Paths of all folders, without the root. */
export function foldersIn(folder: ModelFolder, path = ''): string[] {
  return [...folder].flatMap(([name, entry]) =>
    entry instanceof Map ? [`${path}/${name}`, ...foldersIn(entry, `${path}/${name}`)] : [],
  )
}

function rename(folder: ModelFolder, from: string, to: string): void {
  const entry = folder.get(from)
  if (entry === undefined) return
  folder.delete(from)
  folder.set(to, entry)
}

function randomFolder(root: ModelFolder, random: Random, depth = 0): ModelFolder {
  const folders = [...root.values()].filter((entry) => entry instanceof Map)
  if (folders.length === 0 || depth > 3 || random.below(3) === 0) return root
  return randomFolder(random.pick(folders), random, depth + 1)
}

function randomFile(random: Random): ModelFile {
  const kind = random.below(8) === 0 ? 'link' : random.below(12) === 0 ? 'other' : 'file'
  return {
    kind,
    size: random.below(4) * 100,
    modified: Date.UTC(2024, 0, 1 + random.below(6)),
    content: random.below(3),
  }
}
