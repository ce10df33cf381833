import { isUtf8 } from 'node:buffer'
import { GoJsonWriter, isPlainAscii } from './go-json.ts'
import { quoteName } from './go-quote.ts'

/** A node: one entry of a tree (restic: internal/data/node.go). */

export type NodeType = 'file' | 'dir' | 'symlink' | 'dev' | 'chardev' | 'fifo' | 'socket' | 'irregular'

export interface ExtendedAttribute {
  readonly name: string
  /** restic writes `null` for an empty value in places; both are read. */
  readonly value: Buffer | null
}

/**
 * What a tree says of one entry. Values are kept exactly as the format has them, so that decoding and encoding again
 * gives the same bytes: times stay RFC 3339 text (their offset is part of the bytes), 64-bit numbers are `bigint`,
 * names and link targets are raw bytes.
 */
export interface Node {
  /** One path component, raw bytes (never passed through a string: names need not be UTF-8). */
  readonly name: Buffer
  readonly type: NodeType
  /** Go's `os.FileMode`, not `st_mode`. */
  readonly mode: number
  readonly mtime: string
  readonly atime: string
  readonly ctime: string
  readonly uid: number
  readonly gid: number
  readonly user: string
  readonly group: string
  readonly inode: bigint
  readonly deviceId: bigint
  readonly size: bigint
  readonly links: bigint
  /** Raw bytes of a symlink's target. */
  readonly linkTarget?: Buffer
  readonly extendedAttributes?: readonly ExtendedAttribute[]
  /** The JSON text of `generic_attributes` (Windows attributes, made by restic), kept as it came. */
  readonly genericAttributes?: string
  /** `st_rdev`, for devices. */
  readonly device: bigint
  /** The ids of the file's data blobs, 32 bytes each, one after the other; null for anything that is not a file. */
  readonly content: Buffer | null
  /** The id of a folder's tree, 32 bytes. */
  readonly subtree?: Buffer
  readonly error?: string
}

/** What a cheap look at an entry tells (`lstat`), before its node is made. */
export interface EntryStat {
  readonly type: NodeType
  /** `st_mode`. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly inode: bigint
  readonly deviceId: bigint
  readonly links: bigint
  /** `st_rdev`. */
  readonly device: bigint
  readonly size: bigint
  /** Nanoseconds since 1970; may be negative. */
  readonly atime: bigint
  readonly mtime: bigint
  readonly ctime: bigint
}

const nodeTypes: ReadonlySet<string> = new Set<NodeType>([
  'file',
  'dir',
  'symlink',
  'dev',
  'chardev',
  'fifo',
  'socket',
  'irregular',
])

export function isNodeType(text: string): text is NodeType {
  return nodeTypes.has(text)
}

/** Whether a name can be that of one entry of a folder: a hostile tree may hold `..`, `a/b` or a NUL. */
export function isSafeName(name: Uint8Array): boolean {
  if (name.length === 0 || name.includes(0x2f) || name.includes(0)) return false
  const isDots = name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))
  return !isDots
}

/** Used for one node after the other: nothing in here runs while another node is being encoded. */
const writer = new GoJsonWriter(4096)

/**
 * The node as it stands in a tree, byte for byte as restic encodes it: its order of fields, and the same fields left out
 * when empty. `genericAttributes` goes in as it is, and must be what decoding gave.
 */
export function encodeNode(node: Node): Buffer {
  writer.ascii('{"name":')
  encodeName(node.name)
  writer.ascii(`,"type":"${node.type}"`)
  if (node.mode !== 0) writer.ascii(`,"mode":${node.mode}`)
  writer.ascii(',"mtime":').string(node.mtime).ascii(',"atime":').string(node.atime)
  writer.ascii(',"ctime":').string(node.ctime).ascii(`,"uid":${node.uid},"gid":${node.gid}`)
  if (node.user !== '') writer.ascii(',"user":').string(node.user)
  if (node.group !== '') writer.ascii(',"group":').string(node.group)
  encodeNumber('inode', node.inode)
  encodeNumber('device_id', node.deviceId)
  encodeNumber('size', node.size)
  encodeNumber('links', node.links)
  encodeLinkTarget(node.linkTarget)
  encodeExtendedAttributes(node.extendedAttributes)
  encodeGenericAttributes(node.genericAttributes)
  encodeNumber('device', node.device)
  writer.ascii(',"content":')
  if (node.content === null) writer.ascii('null')
  else writer.idList(node.content)
  if (node.subtree !== undefined) writer.ascii(',"subtree":').id(node.subtree)
  if (node.error !== undefined && node.error !== '') writer.ascii(',"error":').string(node.error)
  return writer.ascii('}').take()
}

function encodeName(name: Buffer): void {
  if (isPlainAscii(name)) writer.ascii('"').raw(name).ascii('"')
  else writer.stringFromBytes(quoteName(name))
}

function encodeNumber(field: string, value: bigint): void {
  if (value !== 0n) writer.ascii(`,"${field}":${value}`)
}

/** A target that is not UTF-8 is kept twice: damaged for old readers, and whole as base64. */
function encodeLinkTarget(target: Buffer | undefined): void {
  if (target === undefined || target.length === 0) return
  writer.ascii(',"linktarget":').stringFromBytes(target)
  if (!isUtf8(target)) writer.ascii(',"linktarget_raw":').base64(target)
}

function encodeExtendedAttributes(attributes: readonly ExtendedAttribute[] = []): void {
  if (attributes.length === 0) return
  writer.ascii(',"extended_attributes":[')
  attributes.forEach(({ name, value }, i) => {
    writer
      .ascii(i > 0 ? ',{"name":' : '{"name":')
      .string(name)
      .ascii(',"value":')
    if (value === null) writer.ascii('null}')
    else writer.base64(value).ascii('}')
  })
  writer.ascii(']')
}

function encodeGenericAttributes(text: string | undefined): void {
  if (text === undefined) return
  const bytes = Buffer.from(text, 'utf8')
  writer.ascii(',"generic_attributes":').raw(bytes)
}
