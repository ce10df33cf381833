import { idDigits, idLength, writeHexId } from './ids.ts'
import { decodeRune, replacementRune, runeOf, widthOf } from './utf8.ts'

/**
 * JSON written byte for byte as Go's `encoding/json` (1.22 and newer) writes it. Ids are hashes of these bytes, and restic
 * refuses to rewrite a tree that comes out different when it encodes it again.
 */

const quote = 0x22
const backslash = 0x5c

/** ASCII that Go leaves as it is inside a string: not the controls, `"`, `\` and, for HTML's sake, `<`, `>`, `&`. */
const plain = new Uint8Array(256)
for (let byte = 0x20; byte < 0x80; byte++) plain[byte] = '"\\<>&'.includes(String.fromCharCode(byte)) ? 0 : 1

const shortEscapes = new Map([
  [quote, '\\"'],
  [backslash, '\\\\'],
  [0x08, '\\b'],
  [0x0c, '\\f'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t'],
])

const del = 0x7f

/** Whether all of `bytes` are printable ASCII that stands for itself, both in a JSON string and in Go's quoting. */
export function isPlainAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    if (plain[byte] === 0 || byte === del) return false
  }
  return true
}

/** Bytes that grow. Give it the size to expect; what it has handed out is never written to again. */
export class GoJsonWriter {
  #bytes: Buffer
  #length = 0

  constructor(capacity = 512) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** Text that needs no escaping: punctuation, field names, numbers. Must be ASCII. */
  ascii(text: string): this {
    this.#reserve(text.length)
    const bytes = this.#bytes
    let at = this.#length
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i)
    this.#length = at
    return this
  }

  /** Bytes as they are: JSON that is encoded already. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  /** A string from text. Lone surrogates become U+FFFD. */
  string(text: string): this {
    this.#reserve(text.length + 2)
    const bytes = this.#bytes
    let at = this.#length
    bytes[at++] = quote
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f || plain[code] === 0) return this.stringFromBytes(Buffer.from(text, 'utf8'))
      bytes[at++] = code
    }
    bytes[at++] = quote
    this.#length = at
    return this
  }

  /** A string from bytes that should be UTF-8; what is not becomes the text `\ufffd`, as in Go. */
  stringFromBytes(bytes: Uint8Array): this {
    this.#reserve(bytes.length * 6 + 2)
    this.#bytes[this.#length++] = quote
    for (let i = 0; i < bytes.length;) {
      const byte = bytes[i] as number
      if (plain[byte] === 1) {
        this.#bytes[this.#length++] = byte
        i++
      } else i += byte < 0x80 ? this.#escapeAscii(byte) : this.#character(bytes, i)
    }
    this.#bytes[this.#length++] = quote
    return this
  }

  /** `"…"`, the id at `at` in hexadecimal. */
  id(ids: Uint8Array, at = 0): this {
    this.#reserve(idDigits + 2)
    this.#bytes[this.#length] = quote
    writeHexId(ids, at, this.#bytes, this.#length + 1)
    this.#bytes[this.#length + 1 + idDigits] = quote
    this.#length += idDigits + 2
    return this
  }

  /** `["…","…"]`, all ids in `ids`. */
  idList(ids: Uint8Array): this {
    this.ascii('[')
    for (let at = 0; at < ids.length; at += idLength) {
      if (at > 0) this.ascii(',')
      this.id(ids, at)
    }
    return this.ascii(']')
  }

  /** Bytes as Go writes a `[]byte`: standard base64, padded. */
  base64(bytes: Uint8Array): this {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
    return this.ascii('"').ascii(text).ascii('"')
  }

  /** `["…","…"]` from text. */
  stringList(texts: readonly string[]): this {
    this.ascii('[')
    texts.forEach((text, i) => {
      if (i > 0) this.ascii(',')
      this.string(text)
    })
    return this.ascii(']')
  }

  /** A copy of what has been written; the writer is empty again and can be used for the next thing. */
  take(): Buffer {
    const copy = Buffer.allocUnsafeSlow(this.#length)
    this.#bytes.copy(copy, 0, 0, this.#length)
    this.#length = 0
    return copy
  }

  /** What has been written, without a copy. The writer is done. */
  finish(): Buffer {
    const bytes = this.#bytes.subarray(0, this.#length)
    this.#bytes = Buffer.alloc(0)
    this.#length = 0
    return bytes
  }

  #escapeAscii(byte: number): 1 {
    this.ascii(shortEscapes.get(byte) ?? `\\u00${byte.toString(16).padStart(2, '0')}`)
    return 1
  }

  #character(bytes: Uint8Array, at: number): number {
    const decoded = decodeRune(bytes, at)
    const rune = runeOf(decoded)
    const width = widthOf(decoded)
    if (rune === replacementRune && width === 1) this.ascii('\\ufffd')
    else if (rune === 0x2028 || rune === 0x2029) this.ascii(`\\u${rune.toString(16)}`)
    else for (let i = 0; i < width; i++) this.#bytes[this.#length++] = bytes[at + i] as number
    return width
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}
