import { printable, throwIfBug } from '#base'
import { FormatError } from './errors.ts'
import { unquoteName } from './go-quote.ts'
import { idDigits, idFromHex, idLength, isFileName, readHexId } from './ids.ts'
import { JsonReader, scanString, unescape } from './json-reader.ts'
import type { ExtendedAttribute, Node, NodeType } from './node.ts'
import { isNodeType, isSafeName } from './node.ts'
import type { FieldName } from './node-scan.ts'
import { field } from './node-scan.ts'
import { checkTimeBytes, parseTimeBytes } from './time.ts'

const quote = 0x22
const backslash = 0x5c
const closeBracket = 0x5d
const comma = 0x2c
/**
 * Go's zero time, as restic reads a node without a time. rustic leaves out the times that it does not know: those of
 * what came from standard input, and of the folders above what was backed up.
 */
const noTime = '0001-01-01T00:00:00Z'
const noTimeNs = -62_135_596_800_000_000_000n
const largestUint32 = 0xffff_ffff
const largestUint64 = 0xffff_ffff_ffff_ffffn

const numbers32 = ['mode', 'uid', 'gid'] as const
const numbers64 = ['inode', 'device_id', 'size', 'links', 'device'] as const
const times = ['mtime', 'atime', 'ctime'] as const
/** Fields whose values have a format of their own and that most entries do not have. */
const rareFields = ['linktarget_raw', 'extended_attributes', 'generic_attributes'] as const

/**
 * A node where it lies in its tree. Each value is read when it is asked for, and throws FIELD_INVALID or TIME_INVALID if
 * it is malformed: one bad entry does not keep the others from being read.
 */
export class TreeNode {
  /** Raw bytes, which need not be safe to use (`isSafeName`). */
  readonly name: Buffer
  readonly #tree: Buffer
  readonly #start: number
  readonly #end: number
  /** Position of each field's value in the tree (`field`), -1 where there is none. */
  readonly #fields: readonly number[]
  #content: Buffer | null | undefined

  constructor(tree: Buffer, start: number, end: number, fields: readonly number[]) {
    this.#tree = tree
    this.#start = start
    this.#end = end
    this.#fields = fields
    this.name = unquoteName(this.#stringBytes('name'))
  }

  /** The node's JSON, to be put into another tree byte for byte. A view of the tree. */
  get raw(): Buffer {
    return this.#tree.subarray(this.#start, this.#end)
  }

  /** Anything that is not a known type counts as irregular: it is never the same as an entry on disk, and never restored. */
  get type(): NodeType {
    const text = this.#text('type')
    return isNodeType(text) ? text : 'irregular'
  }

  /** Go's mode. */
  get mode(): number {
    return this.#uint32('mode')
  }

  get uid(): number {
    return this.#uint32('uid')
  }

  get gid(): number {
    return this.#uint32('gid')
  }

  get user(): string {
    return this.#text('user')
  }

  get group(): string {
    return this.#text('group')
  }

  get inode(): bigint {
    return this.#uint64('inode')
  }

  get deviceId(): bigint {
    return this.#uint64('device_id')
  }

  get size(): bigint {
    return this.#uint64('size')
  }

  get links(): bigint {
    return this.#uint64('links')
  }

  /** `st_rdev`, for devices. */
  get device(): bigint {
    return this.#uint64('device')
  }

  /** Nanoseconds since 1970. */
  get mtimeNs(): bigint {
    return this.#time('mtime')
  }

  get atimeNs(): bigint {
    return this.#time('atime')
  }

  get ctimeNs(): bigint {
    return this.#time('ctime')
  }

  /** The same as it stands there. */
  get ctimeText(): string {
    return this.#timeText('ctime')
  }

  /** The ids of the data blobs, 32 bytes each; null when the field is null or missing, which is damage for a file. */
  get content(): Buffer | null {
    return (this.#content ??= this.#readContent())
  }

  /** The id of a folder's tree. */
  get subtree(): Buffer | undefined {
    const start = this.#fields[field.subtree] as number
    if (start < 0) return undefined
    const id = Buffer.allocUnsafe(idLength)
    if (this.#tree[start + idDigits] !== quote || !readHexId(this.#tree, start, id))
      throw this.#invalid('subtree', 'is no id')
    return id
  }

  /** Raw bytes of a symlink's target. */
  get linkTarget(): Buffer | undefined {
    if (this.#has('linktarget_raw')) return this.#base64('linktarget_raw', this.#text('linktarget_raw'))
    return this.#has('linktarget') ? this.#stringBytes('linktarget') : undefined
  }

  get extendedAttributes(): readonly ExtendedAttribute[] {
    const attributes: ExtendedAttribute[] = []
    if (!this.#has('extended_attributes')) return attributes
    const reader = this.#readerAt('extended_attributes')
    reader.readArray(() => attributes.push(this.#readAttribute(reader)))
    return attributes
  }

  /** The JSON text of `generic_attributes`. */
  get genericAttributes(): string | undefined {
    if (!this.#has('generic_attributes')) return undefined
    const reader = this.#readerAt('generic_attributes')
    reader.readObject(() => reader.skipValue())
    return reader.bytes.subarray(0, reader.position).toString()
  }

  get error(): string | undefined {
    return this.#has('error') ? this.#text('error') : undefined
  }

  /** What is wrong with the node, for `check`: a value that is malformed, or one that its type asks for and is not there. */
  problem(): FormatError | null {
    try {
      if (this.#isOrdinary()) return null
      const { name, type, content, subtree } = this.decode()
      if (!isSafeName(name)) return this.#invalid('name', 'cannot be the name of an entry')
      if (type === 'irregular') return this.#invalid('type', 'is irregular')
      if (type === 'file' && content === null) return this.#invalid('content', 'is missing, and the entry is a file')
      if (type === 'dir' && subtree === undefined)
        return this.#invalid('subtree', 'is missing, and the entry is a folder')
      return null
    } catch (error) {
      if (error instanceof FormatError) return error
      throw error
    }
  }

  /** The whole node. Throws FIELD_INVALID, JSON_INVALID or TIME_INVALID for the first value that is malformed. */
  decode(): Node {
    const { linkTarget, extendedAttributes, genericAttributes, subtree, error } = this
    const typeText = this.#text('type')
    if (!isNodeType(typeText)) throw this.#invalid('type', `is "${typeText}", which nobody knows`)
    return {
      name: this.name,
      type: typeText,
      mode: this.mode,
      mtime: this.#timeText('mtime'),
      atime: this.#timeText('atime'),
      ctime: this.#timeText('ctime'),
      uid: this.uid,
      gid: this.gid,
      user: this.user,
      group: this.group,
      inode: this.inode,
      deviceId: this.deviceId,
      size: this.size,
      links: this.links,
      ...(linkTarget && { linkTarget }),
      ...(extendedAttributes.length > 0 && { extendedAttributes }),
      ...(genericAttributes !== undefined && { genericAttributes }),
      device: this.device,
      content: this.content,
      ...(subtree && { subtree }),
      ...(error !== undefined && { error }),
    }
  }

  /** Whether all is as it nearly always is: found out without making values that nobody asked for. */
  #isOrdinary(): boolean {
    try {
      const { type, name } = this
      if (rareFields.some((rare) => this.#has(rare)) || type === 'irregular' || !isSafeName(name)) return false
      if (numbers32.some((number) => this.#safeNumber(number) > largestUint32)) return false
      if (numbers64.some((number) => this.#safeNumber(number) === Infinity)) return false
      for (const time of times) if (this.#has(time)) this.#checkTime(time)
      return (this.content !== null || type !== 'file') && (this.subtree !== undefined || type !== 'dir')
    } catch (thrown) {
      throwIfBug(thrown)
      return false
    }
  }

  #has(name: FieldName): boolean {
    return (this.#fields[field[name]] as number) >= 0
  }

  /** A string's bytes, escapes resolved; none where the field is missing. */
  #stringBytes(name: FieldName): Buffer {
    const start = this.#fields[field[name]] as number
    if (start < 0) return Buffer.alloc(0)
    const tree = this.#tree
    let at = start
    while (tree[at] !== quote && tree[at] !== backslash) at++
    if (tree[at] === quote) return tree.subarray(start, at)
    return unescape(tree.subarray(start, scanString(tree, at)))
  }

  #text(name: FieldName): string {
    const start = this.#fields[field[name]] as number
    if (start < 0) return ''
    const tree = this.#tree
    let at = start
    while (tree[at] !== quote && tree[at] !== backslash) at++
    if (tree[at] === quote) return tree.toString('utf8', start, at)
    return unescape(tree.subarray(start, scanString(tree, at))).toString('utf8')
  }

  #uint32(name: FieldName): number {
    const value = this.#safeNumber(name)
    if (value > largestUint32) throw this.#invalid(name, 'has more than 32 bits')
    return value
  }

  /** The number if it is below 10^15, which a `number` holds exactly; 0 if it is missing; infinite otherwise. */
  #safeNumber(name: FieldName): number {
    const start = this.#fields[field[name]] as number
    if (start < 0) return 0
    let value = 0
    for (let at = start; ; at++) {
      const digit = (this.#tree[at] as number) - 0x30
      if (!(digit >= 0 && digit <= 9)) return value
      if (at - start >= 15) return Infinity
      value = value * 10 + digit
    }
  }

  #uint64(name: FieldName): bigint {
    const value = this.#safeNumber(name)
    if (value !== Infinity) return BigInt(value)
    const exact = this.#exactNumber(name)
    if (exact > largestUint64) throw this.#invalid(name, 'has more than 64 bits')
    return exact
  }

  /** More digits than 64 bits can have are not converted: that takes longer than linear time. */
  #exactNumber(name: FieldName): bigint {
    const start = this.#fields[field[name]] as number
    const text = /^\d+/.exec(this.#tree.toString('latin1', start, Math.min(start + 21, this.#end)))
    return BigInt(text?.[0] ?? 0)
  }

  #time(name: FieldName): bigint {
    const start = this.#fields[field[name]] as number
    if (start < 0) return noTimeNs
    return parseTimeBytes(this.#tree, start, scanString(this.#tree, start))
  }

  #checkTime(name: FieldName): void {
    const start = this.#fields[field[name]] as number
    checkTimeBytes(this.#tree, start, scanString(this.#tree, start))
  }

  /** Time as it stands there, once it has been seen to be one. */
  #timeText(name: FieldName): string {
    this.#time(name)
    return this.#has(name) ? this.#text(name) : noTime
  }

  #base64(name: FieldName, text: string): Buffer {
    const bytes = Buffer.from(text, 'base64')
    if (bytes.toString('base64') !== text) throw this.#invalid(name, 'is not base64')
    return bytes
  }

  #readerAt(name: FieldName): JsonReader {
    const start = this.#fields[field[name]] as number
    return new JsonReader(this.#tree.subarray(start, this.#end), `"${name}" of an entry`)
  }

  #readAttribute(reader: JsonReader): ExtendedAttribute {
    let name = ''
    let value: Buffer | null = null
    reader.readObject((key) => {
      if (reader.takeNull()) return
      if (key === 'name') name = reader.readString()
      else if (key === 'value') value = this.#base64('extended_attributes', reader.readString())
      else reader.skipValue()
    })
    return { name, value }
  }

  #readContent(): Buffer | null {
    const start = this.#fields[field.content] as number
    if (start < 0) return null
    return this.#compactIds(start) ?? this.#spacedIds(start)
  }

  /** Ids with nothing between them, as restic writes them; null when they are spaced in some other way. */
  #compactIds(start: number): Buffer | null {
    const tree = this.#tree
    if (tree[start + 1] === closeBracket) return Buffer.alloc(0)
    let end = start + 1
    while (tree[end] === quote && tree[end + idDigits + 1] === quote) {
      end += idDigits + 2
      if (tree[end] !== comma) break
      end++
    }
    if (tree[end] !== closeBracket) return null
    const ids = Buffer.allocUnsafe(((end - start) / (idDigits + 3)) * idLength)
    for (let at = start + 2, id = 0; id < ids.length; at += idDigits + 3, id += idLength) {
      if (!readHexId(tree, at, ids, id)) throw this.#invalid('content', 'holds something that is no id')
    }
    return ids
  }

  #spacedIds(start: number): Buffer {
    const reader = new JsonReader(this.#tree.subarray(start, this.#end), 'content of an entry')
    const ids: Buffer[] = []
    reader.readArray(() => {
      const text = reader.readString()
      if (!isFileName(text)) throw this.#invalid('content', 'holds something that is no id')
      ids.push(idFromHex(text))
    })
    return Buffer.concat(ids)
  }

  #invalid(name: FieldName, reason: string): FormatError {
    return new FormatError('FIELD_INVALID', {
      what: `entry ${JSON.stringify(printable(this.name))} of a tree`,
      field: name,
      reason,
    })
  }
}
