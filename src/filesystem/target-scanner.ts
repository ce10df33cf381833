import { existsSync, readlinkSync } from 'node:fs'

import { throwIfBug } from '#base'
import { FolderComparer } from '#repository/format'
import type { MatchedNodes } from '#repository/format'
import type {
  CreateFolderScanner,
  FolderScanner,
  FolderToScan,
  KnownBlobs,
  ScannedFolder,
  WholeFolder,
} from '#restorer'

import { BlobBatch } from './blob-batch.ts'
import { FolderTable, mayHaveAttributes } from './platform/linux-table.ts'
import { namedDoor } from './platform/metadata-door.ts'
import { LinuxDisk } from './target-disk-linux.ts'

/** The scanner module of a target: loaded by each thread, it tells what of a tree lies in a folder already. */

/** The options are the root of the target. */
export const createFolderScanner: CreateFolderScanner = (root, blobs) =>
  Promise.resolve(new TargetScanner(root as string, blobs))

/** Bytes of one folder that are read here; what is beyond is shared by all threads, as files that differ are. */
const mostBytes = 32 << 20

const idLength = 32

class TargetScanner implements FolderScanner {
  readonly #root: string
  readonly #blobs: KnownBlobs
  readonly #entries = new FolderComparer()
  readonly #table = new FolderTable(this.#entries)
  #open: { readonly disk: LinuxDisk; readonly batch: BlobBatch } | undefined

  constructor(root: string, blobs: KnownBlobs) {
    this.#root = root
    this.#blobs = blobs
  }

  scan(folder: unknown, { bytes }: { readonly bytes: Buffer }): ScannedFolder | undefined {
    try {
      // Opening a target makes it, which is not for those who only look.
      if (!this.#open && !existsSync(this.#root)) return undefined
      return this.#scan(folder as FolderToScan, bytes)
    } catch (thrown) {
      throwIfBug(thrown)
      return undefined // the main thread looks at it, and says what is wrong
    }
  }

  #scan({ path, readsContents }: FolderToScan, tree: Buffer): ScannedFolder | undefined {
    const { disk, batch } = (this.#open ??= openDisk(this.#root))
    try {
      const folder = disk.folder(path) as number
      if (!this.#table.fill(folder)) return undefined
      const nodes = this.#entries.match(tree)
      if (!nodes) return undefined
      const right = this.#compare(nodes, { disk, batch, folder, readsContents })
      const isBare = !mayHaveAttributes(folder)
      return isWhole(nodes, right) ? { right, isBare, whole: wholeFolder(nodes) } : { right, isBare }
    } finally {
      disk.forget(path) // another folder may lie there when it is scanned again
    }
  }

  /** For each node 1 when it is there, content and metadata. */
  #compare(nodes: MatchedNodes, place: Place): Uint8Array {
    const right = new Uint8Array(nodes.count)
    const files: number[] = []
    for (let node = 0; node < nodes.count; node++) {
      const kind = nodes.kind(node)
      if (kind === 'file') files.push(node)
      else if (kind === 'right-folder' || (kind === 'symlink' && leadsThere(nodes, node, place.folder))) right[node] = 1
    }
    if (place.readsContents) this.#compareContents(nodes, files, right, place)
    else for (const node of files) right[node] = this.#inFile(nodes.place(node), place, () => true) ? 1 : 0
    return right
  }

  #compareContents(nodes: MatchedNodes, files: readonly number[], right: Uint8Array, place: Place): void {
    /** Blobs that a file holds, of those that it should. */
    const held = new Uint32Array(nodes.count)
    const read: number[] = []
    let left = mostBytes
    for (const node of files) {
      const size = nodes.size(node)
      if (size > left) continue
      left -= size
      const ids = nodes.ids(node)
      const lengths = this.#blobs.lengthsOf(ids)
      if (lengths?.reduce((sum, length) => sum + length, 0) !== size) continue
      const wanted = { ids, lengths, counts: held, count: node }
      if (this.#inFile(nodes.place(node), place, (file) => readBlobs(place.batch, file, wanted))) read.push(node)
    }
    place.batch.finish()
    for (const node of read) right[node] = held[node] === nodes.ids(node).length / idLength ? 1 : 0
  }

  /** False when the file is not what was listed, has attributes, or cannot be read: who looks at it then says why. */
  #inFile(listed: number, { disk, folder }: Place, work: (file: number) => boolean): boolean {
    const file = this.#table.open(folder, listed)
    if (file === undefined) return false
    try {
      return !mayHaveAttributes(file) && work(file)
    } catch (thrown) {
      throwIfBug(thrown)
      return false
    } finally {
      disk.close(file)
    }
  }

  [Symbol.dispose](): void {
    this.#open?.disk[Symbol.dispose]()
    this.#open = undefined
  }
}

interface Place {
  readonly disk: LinuxDisk
  readonly batch: BlobBatch
  readonly folder: number
  readonly readsContents: boolean
}

interface WantedContent {
  readonly ids: Uint8Array
  readonly lengths: Uint32Array
  readonly counts: Uint32Array
  readonly count: number
}

/** False when the file ends before. */
function readBlobs(batch: BlobBatch, file: number, { ids, lengths, counts, count }: WantedContent): boolean {
  let offset = 0
  for (const [blob, length] of lengths.entries()) {
    if (!batch.read(file, { offset, length }, { ids, at: blob * idLength, counts, count })) return false
    offset += length
  }
  return true
}

function openDisk(root: string) {
  const disk = new LinuxDisk(root)
  return { disk, batch: new BlobBatch(disk) }
}

function leadsThere({ name, target }: MatchedNodes, node: number, folder: number): boolean {
  try {
    const path = Buffer.concat([Buffer.from(`/proc/self/fd/${folder}/`), name(node)])
    return (
      readlinkSync(path, 'buffer').equals(target(node)) && namedDoor(folder, name(node)).listAttributes().length === 0
    )
  } catch (thrown) {
    throwIfBug(thrown)
    return false
  }
}

/** Everything in the folder is the tree's, and all files are right. */
function isWhole({ extras, count, kind }: MatchedNodes, right: Uint8Array): boolean {
  if (extras > 0) return false
  for (let node = 0; node < count; node++) if (right[node] !== 1 && kind(node) !== 'folder') return false
  return true
}

/** In memory of its own: sending a piece of a larger one would send all of it. */
function wholeFolder({ count, kind, name, ids, size }: MatchedNodes): WholeFolder {
  const all = Array.from({ length: count }, (_, node) => node)
  const isFolder = (node: number) => kind(node) === 'folder' || kind(node) === 'right-folder'
  const others = all.filter((node) => !isFolder(node))
  const names = others.map(name)
  let end = 0
  return {
    nodes: Uint32Array.from(others),
    sizes: Float64Array.from(others, (node) => (kind(node) === 'file' ? size(node) : 0)),
    nameEnds: Uint32Array.from(names, (bytes) => (end += bytes.length)),
    names: new Uint8Array(Buffer.concat(names)),
    folders: all
      .filter(isFolder)
      .map((node) => ({ node, name: new Uint8Array(name(node)), tree: new Uint8Array(ids(node)) })),
  }
}
