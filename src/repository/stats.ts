import { createHash } from 'node:crypto'
import type { Cancellable } from '#base'
import { RepositoryError } from './errors.ts'
import { idToHex } from './format/ids.ts'
import type { TreeNode } from './format/tree-node.ts'
import type { IndexedRepository } from './repository.ts'
import { TreeLoader } from './tree-loader.ts'
import { findUsed } from './used.ts'

/**
 * What is counted, as restic counts it (restic: cmd/restic/cmd_stats.go):
 * - `restore-size`: what restoring all these snapshots would write; each hard-linked file once for each snapshot
 * - `files-by-contents`: files of equal content once
 * - `blobs-per-file`: blobs of files of equal content once, a blob once for each file
 * - `raw-data`: what the snapshots take in the repository
 */
export type StatsMode = 'restore-size' | 'files-by-contents' | 'blobs-per-file' | 'raw-data'

export const statsModes = ['restore-size', 'files-by-contents', 'blobs-per-file', 'raw-data'] as const

export interface Stats {
  readonly snapshots: number
  /** Bytes. */
  readonly size: bigint
  readonly files: number
  readonly blobs: number
  /** For `raw-data` of a repository of version 2. */
  readonly compression?: CompressionStats
}

export interface CompressionStats {
  /** Bytes that the blobs would take uncompressed. */
  readonly uncompressedSize: bigint
  /** How many times smaller compressed blobs are. */
  readonly ratio: number
  /** Per cent of the bytes that are compressed. */
  readonly progress: number
  /** Per cent of the bytes that compressing saves. */
  readonly saving: number
}

/** Counts snapshots, given by their root trees. Throws `BLOB_NOT_FOUND`, `BLOB_DAMAGED`, `FormatError`. */
export async function countStats(
  repository: IndexedRepository,
  roots: readonly Buffer[],
  { mode, signal }: { readonly mode: StatsMode } & Cancellable,
): Promise<Stats> {
  if (mode === 'raw-data') return await countRawData(repository, roots, { signal })
  const counter = createCounter(repository, mode)
  const loader = new TreeLoader(repository)
  for (const root of roots) await walkPaths({ repository, loader }, root, counter.startSnapshot(), { signal })
  return { snapshots: roots.length, size: counter.size, files: counter.files, blobs: counter.blobs }
}

type CountNode = (node: TreeNode, folder: string) => void

/** Goes through the folders of a snapshot as paths, in restic's order: a folder that is there twice counts twice. */
async function walkPaths(
  { repository, loader }: { readonly repository: IndexedRepository; readonly loader: TreeLoader },
  root: Buffer,
  count: CountNode,
  { signal }: Cancellable,
): Promise<void> {
  const open = async (id: Buffer) => {
    const entry = repository.index.find('tree', id)
    if (entry < 0) throw new RepositoryError('BLOB_NOT_FOUND', { type: 'tree', id: idToHex(id) })
    return (await loader.load(entry, { signal }))[Symbol.iterator]()
  }
  const folders = [{ nodes: await open(root), path: '/' }]
  for (let folder = folders.at(-1); folder; folder = folders.at(-1)) {
    const node = folder.nodes.read()
    if (!node) {
      folders.pop()
      continue
    }
    count(node, folder.path)
    const { subtree } = node
    const path = `${folder.path}${node.name.toString('latin1')}/`
    if (subtree) folders.push({ nodes: await open(subtree), path })
  }
}

interface Counter {
  size: bigint
  files: number
  blobs: number
  startSnapshot(): CountNode
}

function createCounter(repository: IndexedRepository, mode: Exclude<StatsMode, 'raw-data'>): Counter {
  if (mode === 'restore-size') return new RestoreSizeCounter()
  return mode === 'files-by-contents' ? new ContentsCounter() : new BlobsPerFileCounter(repository)
}

class RestoreSizeCounter implements Counter {
  size = 0n
  files = 0
  readonly blobs = 0

  startSnapshot(): CountNode {
    const linked = new Set<string>()
    return ({ type, size, links, inode, deviceId }) => {
      this.files++
      const key = `${inode}:${deviceId}`
      if (links !== 1n && type !== 'dir' && inode !== 0n) {
        if (linked.has(key)) return
        linked.add(key)
      }
      this.size += size
    }
  }
}

class ContentsCounter implements Counter {
  size = 0n
  files = 0
  readonly blobs = 0
  readonly #seen = new Set<string>()

  startSnapshot(): CountNode {
    return (node) => {
      if (!isNew(this.#seen, contentKey(node))) return
      this.size += node.size
      this.files++
    }
  }
}

class BlobsPerFileCounter implements Counter {
  size = 0n
  files = 0
  blobs = 0
  readonly #repository: IndexedRepository
  readonly #seen = new Set<string>()
  /** Blobs of each path. */
  readonly #byPath = new Map<string, Set<string>>()

  constructor(repository: IndexedRepository) {
    this.#repository = repository
  }

  startSnapshot(): CountNode {
    return (node, folder) => {
      if (!isNew(this.#seen, contentKey(node))) return
      const content = node.content ?? Buffer.alloc(0)
      if (content.length === 0) return
      const path = `${folder}${node.name.toString('latin1')}`
      const known = this.#byPath.get(path)
      const blobs = known ?? new Set<string>()
      if (!known) {
        this.#byPath.set(path, blobs)
        this.files++
      }
      for (let at = 0; at < content.length; at += 32) this.#countBlob(blobs, content, at)
    }
  }

  #countBlob(blobs: Set<string>, content: Buffer, at: number): void {
    if (!isNew(blobs, content.toString('latin1', at, at + 32))) return
    const { index } = this.#repository
    const entry = index.find('data', content, at)
    if (entry < 0) throw new RepositoryError('BLOB_NOT_FOUND', { type: 'data', id: idToHex(content, at) })
    this.size += BigInt(index.plainLengthOf(entry))
    this.blobs++
  }
}

function contentKey(node: TreeNode): string {
  return createHash('sha256')
    .update(node.content ?? '')
    .digest('base64')
}

function isNew(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false
  seen.add(key)
  return true
}

const sealOverhead = 32

async function countRawData(
  repository: IndexedRepository,
  roots: readonly Buffer[],
  options: Cancellable,
): Promise<Stats> {
  const { index, config } = repository
  let [size, uncompressedSize, compressed, compressedPlain] = [0, 0, 0, 0]
  const used = await findUsed(repository, roots, options)
  for (const entry of used) {
    const length = index.lengthOf(entry)
    const plain = index.plainLengthOf(entry) + sealOverhead
    size += length
    uncompressedSize += plain
    if (index.uncompressedLengthOf(entry) === 0) continue
    compressed += length
    compressedPlain += plain
  }
  const counted = { snapshots: roots.length, size: BigInt(size), files: 0, blobs: used.count }
  if (config.version < 2) return counted
  const compression = {
    uncompressedSize: BigInt(uncompressedSize),
    ratio: compressed > 0 ? compressedPlain / compressed : 0,
    progress: uncompressedSize > 0 ? (compressedPlain / uncompressedSize) * 100 : 0,
    saving: uncompressedSize > 0 ? (1 - size / uncompressedSize) * 100 : 0,
  }
  return { ...counted, compression }
}
