// oxlint-disable-next-line no-restricted-imports -- reads its own program, not data
import { readFileSync } from 'node:fs'
import { WebAssembly, programFile } from '#base'

/** struct statx of Linux (man 2 statx). */
const statLength = 256
const modeAt = 28
const socketMode = 0o140000

/** What a folder may have at most; larger ones are rare, and looked at in another way. */
const mostEntries = 16_384
const mostDirents = 2 << 20
const mostTree = 12 << 20
const mostIds = 4 << 20
const folderLength = 40
/** A node's, see `match` in the module. */
const recordLength = 32
/** The module reads a little further than it must. */
const slack = 4096

// Pages are taken as they are written to: what is not used costs nothing.
const direntsAt = 65_536
const orderAt = direntsAt + mostDirents
const statsAt = orderAt + mostEntries * 4
const foldersAt = statsAt + mostEntries * statLength
const idsAt = foldersAt + mostEntries * folderLength
const treeAt = idsAt + mostIds
const memoryEnd = treeAt + mostTree + slack
const pageLength = 65_536

/** A folder's entries as the system gives them, to be filled in by whoever lists the folder. */
export interface EntryTable {
  readonly memory: Buffer
  /** Where names go, as `getdents64` writes them, one after the other. */
  readonly direntsAt: number
  readonly direntsEnd: number
  /** Takes the names that lie there up to `end`; their number, without `.` and `..`, or undefined when there are too many. */
  sort(end: number): number | undefined
  /** Where the name of the entry at this place, in the order of the bytes of the names, begins; it ends with a NUL. */
  nameAt(place: number): number
  /** Where its struct statx goes. */
  statAt(place: number): number
  /** Leaves the entry out: it is none for whoever asked. */
  leaveOut(place: number): void
}

/** A folder whose entries are as its tree says. */
export interface SameEntries {
  readonly files: number
  readonly bytes: number
  /** Ids of their data blobs, good until the next call. */
  readonly ids: Buffer
  readonly folders: readonly SameFolder[]
}

export interface SameFolder {
  /** Its place among the entries. */
  readonly place: number
  /** Id of its tree; memory of its own. */
  readonly subtree: Uint8Array
  /** Whether its own metadata is as it was. */
  readonly isSame: boolean
}

/** What a look finds of a tree's nodes in a folder, in their order; good until the next call. */
export interface MatchedNodes {
  readonly count: number
  /** Entries that the tree has not. */
  readonly extras: number
  readonly kind: (node: number) => MatchKind
  /** The place of its entry, of another kind than `other`; so it is with what follows. */
  readonly place: (node: number) => number
  readonly name: (node: number) => Buffer
  /** Ids of the data blobs of a file; the id of a folder's tree. */
  readonly ids: (node: number) => Buffer
  /** Where a symlink of the tree leads. */
  readonly target: (node: number) => Buffer
  readonly size: (node: number) => number
}

/**
 * `file`: it is there with the length, owner, permissions and time of the node, under this name only; `symlink` likewise, with
 * owner and time. `folder`: it is there; `right-folder`: and has that metadata. `other`: everything else.
 */
export type MatchKind = 'other' | 'file' | 'folder' | 'right-folder' | 'symlink'
const matchKinds: readonly MatchKind[] = ['other', 'file', 'folder', 'right-folder', 'symlink']

interface Exports {
  readonly sort: (dirents: number, end: number, order: number) => number
  readonly compare: (...places: readonly number[]) => number
  readonly match: (...places: readonly number[]) => number
  readonly files: { readonly value: number }
  readonly bytes: { readonly value: number }
  readonly ids: { readonly value: number }
  readonly folders: { readonly value: number }
  readonly nodes: { readonly value: number }
  readonly extras: { readonly value: number }
}

/**
 * Tells whether a folder is as its tree says, without one object an entry. "No" may also mean that something is unusual, a name
 * with escapes for one: whoever asks then has to look for himself.
 */
export class FolderComparer implements EntryTable {
  readonly memory: Buffer
  readonly direntsAt = direntsAt
  readonly direntsEnd = orderAt
  readonly #exports: Exports
  readonly #order: Uint32Array
  #count = 0

  constructor() {
    const pages = Math.ceil(memoryEnd / pageLength)
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    const { exports } = new WebAssembly.Instance(loadModule(), { env: { memory } })
    this.#exports = exports as unknown as Exports
    this.memory = Buffer.from(memory.buffer)
    this.#order = new Uint32Array(memory.buffer, orderAt, mostEntries)
  }

  sort(end: number): number | undefined {
    // The shortest record has 24 bytes, so that more than this may not fit.
    if ((end - direntsAt) / 24 > mostEntries) return undefined
    this.#count = this.#exports.sort(direntsAt, end, orderAt)
    return this.#count
  }

  nameAt(place: number): number {
    return this.#order[place] as number
  }

  statAt(place: number): number {
    return statsAt + place * statLength
  }

  // Sockets are no part of a backup, so the module passes them over.
  leaveOut(place: number): void {
    this.memory.writeUInt16LE(socketMode, this.statAt(place) + modeAt)
  }

  /** Compares what the table holds with a tree. */
  compare(tree: Buffer): SameEntries | undefined {
    if (!this.#holdTree(tree)) return undefined
    const { compare, files, bytes, ids, folders } = this.#exports
    const end = treeAt + tree.length
    if (compare(treeAt, end, orderAt, statsAt, this.#count, idsAt, treeAt, foldersAt) === 0) return undefined
    return {
      files: files.value,
      bytes: bytes.value,
      ids: this.memory.subarray(idsAt, idsAt + ids.value * 32),
      folders: Array.from({ length: folders.value }, (_, i) => this.#folder(foldersAt + i * folderLength)),
    }
  }

  /** What of a tree is there; undefined when anything about it is unusual. */
  match(tree: Buffer): MatchedNodes | undefined {
    if (!this.#holdTree(tree)) return undefined
    const { match, nodes, extras } = this.#exports
    const end = treeAt + tree.length
    // Records of nodes lie where a comparison leaves folders.
    if (match(treeAt, end, orderAt, statsAt, this.#count, idsAt, treeAt, foldersAt, idsAt) === 0) return undefined
    const { memory } = this
    const word = (node: number, field: number) => memory.readUInt32LE(foldersAt + node * recordLength + field)
    const slice = (start: number, length: number) => memory.subarray(start, start + length)
    return {
      count: nodes.value,
      extras: extras.value,
      kind: (node) => matchKinds[word(node, 0)] as MatchKind,
      place: (node) => word(node, 4),
      name: (node) => slice(word(node, 8), word(node, 12)),
      ids: (node) => slice(idsAt + word(node, 16) * 32, word(node, 20) * 32),
      target: (node) => slice(word(node, 16), word(node, 20)),
      size: (node) => memory.readDoubleLE(foldersAt + node * recordLength + 24),
    }
  }

  /** Puts a tree where the module reads it. */
  #holdTree(tree: Buffer): boolean {
    if (tree.length > mostTree) return false
    this.memory.set(tree, treeAt)
    this.memory.fill(0, treeAt + tree.length, treeAt + tree.length + 128)
    return true
  }

  #folder(at: number): SameFolder {
    const { memory } = this
    return {
      place: memory.readUInt32LE(at),
      isSame: memory.readUInt32LE(at + 4) === 1,
      subtree: new Uint8Array(memory.subarray(at + 8, at + folderLength)),
    }
  }
}

let compiled: object | undefined

function loadModule(): object {
  return (compiled ??= new WebAssembly.Module(readFileSync(programFile('repository/format/folder.wasm'))))
}
