import { FormatError } from './errors.ts'
import { JsonReader } from './json-reader.ts'
import { scanNode } from './node-scan.ts'
import { TreeNode } from './tree-node.ts'

/** A tree: the entries of one folder, `{"nodes":[…]}` and a line break, sorted by the bytes of their names. */

const head = Buffer.from('{"nodes":[')
const tail = Buffer.from(']}\n')

/** A blob's length in a pack is a 32-bit number; 64 bytes are left for its seal and the overhead of compression. */
const largestTree = 2 ** 32 - 64

const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const comma = 0x2c
const colon = 0x3a

/**
 * The bytes of a tree from its nodes, encoded, in the order of their names. The caller keeps the order: `encodeNode` has
 * the names, this has not. Throws TREE_TOO_LARGE.
 */
export function encodeTree(encodedNodes: readonly Uint8Array[]): Buffer {
  const size = encodedTreeSize(encodedNodes)
  if (size > largestTree) throw new FormatError('TREE_TOO_LARGE', { size, limit: largestTree })
  const tree = Buffer.allocUnsafeSlow(size)
  let at = head.copy(tree)
  encodedNodes.forEach((node, i) => {
    if (i > 0) tree[at++] = comma
    tree.set(node, at)
    at += node.length
  })
  tail.copy(tree, at)
  return tree
}

function encodedTreeSize(encodedNodes: readonly Uint8Array[]): number {
  const commas = Math.max(0, encodedNodes.length - 1)
  return encodedNodes.reduce((size, node) => size + node.length, head.length + tail.length + commas)
}

/** Order of names: by their bytes, as restic sorts them. */
export function compareNames(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/**
 * A tree that can be gone through, any number of times. Nodes are read as they are come to: going through it throws
 * JSON_INVALID, FIELD_INVALID, NAME_INVALID or TREE_NOT_ORDERED where the bytes are malformed.
 */
export class Tree implements Iterable<TreeNode> {
  /** The blob's plain bytes: whoever stores the tree elsewhere stores these, so that its id stays what it is. */
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  [Symbol.iterator](): TreeReader {
    return new TreeReader(this.bytes)
  }
}

/** `bytes` are the plain bytes of a tree blob; nodes are views of them, so they must not change. */
export function openTree(bytes: Buffer): Tree {
  return new Tree(bytes)
}

/** Goes through a tree once, in order. */
export class TreeReader implements IterableIterator<TreeNode> {
  readonly #reader: JsonReader
  readonly #bytes: Buffer
  #previous: Buffer | null = null
  #current: TreeNode | null | undefined
  #isDone = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#reader = new JsonReader(bytes, 'tree')
    this.#skipToNodes()
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<TreeNode, undefined> {
    const node = this.read()
    return node === null ? { done: true, value: undefined } : { done: false, value: node }
  }

  /** The next node, null after the last. */
  read(): TreeNode | null {
    if (this.#isDone) return null
    const reader = this.#reader
    if (reader.takeIf(closeBracket)) {
      this.#skipRest()
      return null
    }
    if (this.#previous !== null) reader.take(comma)
    reader.next()
    const start = reader.position
    const fields = scanNode(reader)
    const node = new TreeNode(this.#bytes, start, reader.position, fields)
    this.#checkOrder(node.name)
    return node
  }

  /**
   * The node of that name, or null. Names must be asked for in ascending order: the reader only goes forward, so that
   * two sorted lists are compared in one pass.
   */
  find(name: Uint8Array): TreeNode | null {
    if (this.#current === undefined) this.#current = this.read()
    while (this.#current !== null) {
      const order = compareNames(this.#current.name, name)
      if (order === 0) return this.#current
      if (order > 0) return null
      this.#current = this.read()
    }
    return null
  }

  /** Before `nodes`, and after it, the format allows keys that nobody knows yet. */
  #skipToNodes(): void {
    const reader = this.#reader
    reader.enter(openBrace)
    while (reader.readString() !== 'nodes') {
      reader.take(colon)
      reader.skipValue()
      reader.take(comma)
    }
    reader.take(colon)
    reader.enter(openBracket)
  }

  #skipRest(): void {
    const reader = this.#reader
    while (reader.takeIf(comma)) {
      if (reader.readString() === 'nodes') reader.fail('a key that comes twice')
      reader.take(colon)
      reader.skipValue()
    }
    reader.take(closeBrace)
    reader.finish()
    this.#isDone = true
  }

  #checkOrder(name: Buffer): void {
    const previous = this.#previous
    if (previous === null ? name.length === 0 : compareNames(previous, name) >= 0) {
      throw new FormatError('TREE_NOT_ORDERED', { name, previous: previous ?? '' })
    }
    this.#previous = name
  }
}
