import { JsonReader } from './json-reader.ts'
import { encodeNode } from './node.ts'
import type { TreeNode } from './tree-node.ts'

/** Trees changed as bytes: what is not changed stays byte for byte, fields that nobody knows yet included. */

/** The node with another subtree. */
export function withSubtree(node: TreeNode, subtree: Uint8Array): Buffer {
  const text = `"${Buffer.from(subtree).toString('hex')}"`
  return setValue(node.raw, 'subtree', text)
}

/** The node with another content (ids, 32 bytes each) and size. Throws as `decode` does. */
export function withContent(node: TreeNode, content: Buffer, size: bigint): Buffer {
  const decoded = node.decode()
  // Encoded anew where that loses nothing, so that the bytes are those that any program would write.
  if (encodeNode(decoded).equals(node.raw)) return encodeNode({ ...decoded, content, size })
  const ids = Array.from({ length: content.length / 32 }, (_, i) => content.toString('hex', i * 32, i * 32 + 32))
  const withIds = setValue(node.raw, 'content', JSON.stringify(ids))
  return setValue(withIds, 'size', String(size))
}

/** The node's type as it is spelt; empty where there is none. */
export function typeTextOf(node: TreeNode): string {
  const span = findValue(node.raw, 'type')
  return span ? new JsonReader(node.raw.subarray(span.start, span.end), 'type of an entry').readString() : ''
}

function setValue(raw: Buffer, key: string, text: string): Buffer {
  const span = findValue(raw, key, { nulls: true })
  const value = Buffer.from(span ? text : `,"${key}":${text}`)
  const { start, end } = span ?? { start: raw.length - 1, end: raw.length - 1 }
  return Buffer.concat([raw.subarray(0, start), value, raw.subarray(end)])
}

interface Span {
  readonly start: number
  readonly end: number
}

function findValue(raw: Buffer, wanted: string, { nulls = false } = {}): Span | undefined {
  const reader = new JsonReader(raw, 'entry of a tree')
  let span: Span | undefined
  reader.readObject((key) => {
    reader.next()
    const start = reader.position
    const isNull = reader.takeNull()
    if (!isNull) reader.skipValue()
    if (key === wanted && (nulls || !isNull)) span = { start, end: reader.position }
  })
  return span
}

const comma = Buffer.from(',')
const emptyHead = Buffer.from('{"nodes":[')
const tail = Buffer.from(']}\n')

/** A folder without entries. */
export const emptyTree = Buffer.concat([emptyHead, tail])

/** Changes one tree. Every node must be said to be kept, left out or replaced, in its order. */
export class TreeEdit {
  readonly #bytes: Buffer
  /** What is before the first node; undefined as long as there was none. */
  #head: Buffer | undefined
  #lastEnd = 0
  readonly #pieces: Uint8Array[] = []
  /** Nodes one after the other that are kept, with what stands between them. */
  #run: { readonly start: number; end: number } | undefined
  #isChanged = false

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** True when a node has been left out or replaced. */
  get isChanged(): boolean {
    return this.#isChanged
  }

  keep(node: TreeNode): void {
    const { start, end } = this.#meet(node)
    if (this.#run) this.#run.end = end
    else this.#run = { start, end }
  }

  drop(node: TreeNode): void {
    this.#meet(node)
    this.#endRun()
    this.#isChanged = true
  }

  replace(node: TreeNode, bytes: Uint8Array): void {
    this.drop(node)
    this.#pieces.push(bytes)
  }

  /** The whole tree. `isCut`: what follows the last node cannot be read, and goes. */
  finish({ isCut = false }: { readonly isCut?: boolean } = {}): Buffer {
    if (!this.#isChanged && !isCut) return this.#bytes
    this.#endRun()
    const nodes = this.#pieces.flatMap((piece, i) => (i === 0 ? [piece] : [comma, piece]))
    const rest = isCut ? tail : this.#bytes.subarray(this.#lastEnd)
    return Buffer.concat([this.#head ?? emptyHead, ...nodes, rest])
  }

  #meet({ raw }: TreeNode): Span {
    const start = raw.byteOffset - this.#bytes.byteOffset
    this.#head ??= this.#bytes.subarray(0, start)
    this.#lastEnd = start + raw.length
    return { start, end: this.#lastEnd }
  }

  #endRun(): void {
    if (this.#run) this.#pieces.push(this.#bytes.subarray(this.#run.start, this.#run.end))
    this.#run = undefined
  }
}
