import { isUtf8 } from 'node:buffer'
import { FormatError } from './errors.ts'
import { encodeRune, isSurrogate } from './utf8.ts'

/**
 * A cursor over JSON bytes. It builds no values of its own accord, so what is not asked for costs nothing, and hostile
 * input can neither fill the memory, nor overflow the stack, nor reach a prototype.
 *
 * Stricter than Go, where both readings of a malformed text are thinkable: bytes that are not UTF-8, a byte order mark and
 * a key that comes twice are errors. As Go does, it takes a lone surrogate (`\ud800`) for U+FFFD.
 */

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const backslash = 0x5c
const openArray = 0x5b
const closeArray = 0x5d
const openObject = 0x7b
const closeObject = 0x7d

/** What `next` gives at the end of the bytes. */
const end = -1

const deepest = 64

export class JsonReader {
  readonly bytes: Uint8Array
  /** What the bytes claim to be ("config", "index 1f2e…"), for messages. */
  readonly what: string
  position = 0
  #depth = 0

  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes
    this.what = what
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.fail('a byte order mark')
    if (!isUtf8(bytes)) this.fail('bytes that are not UTF-8')
  }

  /** Throws JSON_INVALID for where the reader stands. */
  fail(reason: string, offset: number = this.position): never {
    throw new FormatError('JSON_INVALID', { what: this.what, reason, offset })
  }

  /** Skips white space; returns the byte there without taking it, -1 at the end. */
  next(): number {
    const { bytes } = this
    while (this.position < bytes.length) {
      const byte = bytes[this.position] as number
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
      this.position++
    }
    return end
  }

  /** Takes one byte of punctuation. */
  take(byte: number): void {
    if (this.next() !== byte) this.fail(`${describe(this.next())} instead of "${String.fromCharCode(byte)}"`)
    this.position++
  }

  /** Takes `byte` if it comes next. */
  takeIf(byte: number): boolean {
    if (this.next() !== byte) return false
    this.position++
    return true
  }

  /** Reads `{…}`; `onKey` must read, or skip, the value. */
  readObject(onKey: (key: string) => void): void {
    const seen = new Set<string>()
    this.enter(openObject)
    if (this.next() !== closeObject) {
      do {
        const at = this.position
        const key = this.readString()
        if (seen.has(key)) this.fail('a key that comes twice', at)
        seen.add(key)
        this.take(colon)
        onKey(key)
      } while (this.takeIf(comma))
    }
    this.leave(closeObject)
  }

  /** Reads `[…]`; `onItem` must read, or skip, the item. */
  readArray(onItem: () => void): void {
    this.enter(openArray)
    if (this.next() !== closeArray) {
      do onItem()
      while (this.takeIf(comma))
    }
    this.leave(closeArray)
  }

  /** Takes an opening bracket, and counts it. */
  enter(bracket: number): void {
    this.take(bracket)
    if (++this.#depth > deepest) this.fail('brackets nested too deeply')
  }

  leave(bracket: number): void {
    this.take(bracket)
    this.#depth--
  }

  readString(): string {
    return this.readStringBytes().toString('utf8')
  }

  /** The string as UTF-8: a view of the input where nothing is escaped. */
  readStringBytes(): Buffer {
    this.take(quote)
    const start = this.position
    this.position = this.#stringEnd(start)
    const raw = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, this.position - start)
    this.position++
    return raw.includes(backslash) ? unescape(raw) : raw
  }

  readBoolean(): boolean {
    if (this.#takeWord('true')) return true
    if (this.#takeWord('false')) return false
    return this.fail(`${describe(this.next())} instead of true or false`)
  }

  /** Takes `null` if it comes next. Go leaves a field as it was when it meets null: the same as if it were not there. */
  takeNull(): boolean {
    return this.#takeWord('null')
  }

  /** A whole number from 0 to `max` (at most 2^53 - 1). */
  readUnsigned(max: number): number {
    const value = Number(this.#unsignedText())
    if (value > max) this.fail(`a number above ${max}`)
    return value
  }

  /** A whole number of 64 bits. */
  readUnsigned64(): bigint {
    const value = BigInt(this.#unsignedText())
    if (value > 0xffff_ffff_ffff_ffffn) this.fail('a number above 64 bits')
    return value
  }

  /** Checks that a whole value comes next and takes it, however deep it is; returns where it started. */
  skipValue(): number {
    this.next()
    const start = this.position
    const open: number[] = []
    for (;;) {
      const closing = this.#skipOpeningOrScalar()
      if (closing !== 0) {
        if (open.push(closing) + this.#depth > deepest) this.fail('brackets nested too deeply')
        if (this.next() !== closing) {
          if (closing === closeObject) this.#skipKey()
          continue
        }
      }
      for (let expected = open.at(-1); expected !== undefined && this.takeIf(expected); expected = open.at(-1))
        open.pop()
      if (open.length === 0) return start
      this.take(comma)
      if (open.at(-1) === closeObject) this.#skipKey()
    }
  }

  /** Nothing but white space may follow. */
  finish(): void {
    if (this.next() !== end) this.fail('something after the end')
  }

  /** Takes a scalar (returns 0), or an opening bracket (returns the closing one that it asks for). */
  #skipOpeningOrScalar(): number {
    const byte = this.next()
    if (byte === openObject || byte === openArray) {
      this.position++
      return byte + 2
    }
    if (byte === quote) this.position = this.#stringEnd(this.position + 1) + 1
    else if (byte === 0x2d || isDigit(byte)) this.#skipNumber()
    else if (!this.#takeWord('null')) this.readBoolean()
    return 0
  }

  #skipKey(): void {
    if (this.next() !== quote) this.fail(`${describe(this.next())} instead of a key`)
    this.position = this.#stringEnd(this.position + 1) + 1
    this.take(colon)
  }

  #skipNumber(): void {
    if (this.bytes[this.position] === 0x2d) this.position++
    if (this.bytes[this.position] === 0x30) this.position++
    else this.#skipDigits()
    if (this.bytes[this.position] === 0x2e) {
      this.position++
      this.#skipDigits()
    }
    if (((this.bytes[this.position] ?? 0) | 0x20) === 0x65) {
      this.position++
      const sign = this.bytes[this.position]
      if (sign === 0x2b || sign === 0x2d) this.position++
      this.#skipDigits()
    }
  }

  #skipDigits(): void {
    const start = this.position
    while (isDigit(this.bytes[this.position] ?? end)) this.position++
    if (this.position === start) this.fail(`${describe(this.bytes[start] ?? end)} instead of a digit`)
  }

  /** The digits of a whole number; anything else that JSON calls a number is refused. */
  #unsignedText(): string {
    if (!isDigit(this.next())) this.fail(`${describe(this.next())} instead of a whole number`)
    const start = this.position
    this.#skipNumber()
    const length = this.position - start
    // 2^64 has 20 digits; the bound keeps a number of a million digits from being converted
    if (length > 20) this.fail('a number above 64 bits', start)
    const text = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length).toString('latin1')
    if (!/^\d+$/.test(text)) this.fail('a number that is not whole', start)
    return text
  }

  #takeWord(word: string): boolean {
    if (this.next() !== word.charCodeAt(0)) return false
    for (let i = 1; i < word.length; i++) if (this.bytes[this.position + i] !== word.charCodeAt(i)) return false
    this.position += word.length
    return true
  }

  /** Position of the quote that ends the string whose first character is at `from`. */
  #stringEnd(from: number): number {
    const at = scanString(this.bytes, from)
    if (at < 0) this.fail('a string that is malformed or does not end', from)
    return at
  }
}

/**
 * Position of the quote that ends the string whose first character is at `from`; -1 when it does not end, or holds a
 * control character or an escape that JSON does not know.
 */
export function scanString(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte === quote) return at
    if (byte < 0x20) return -1
    if (byte !== backslash) continue
    at++
    const escape = bytes[at] ?? 0
    if (escape === 0x75) {
      for (let i = 1; i <= 4; i++) if (hexValue(bytes[at + i] ?? 0) < 0) return -1
      at += 4
    } else if (simpleEscapes[escape] === 0) return -1
  }
  return -1
}

/** What stands behind a backslash, and what it means; 0 for what JSON does not know. */
const simpleEscapes = new Uint8Array(256)
for (const [letter, meaning] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t']) {
  simpleEscapes[(letter as string).charCodeAt(0)] = (meaning as string).charCodeAt(0)
}

/** Resolves the escapes of a string that `scanString` has accepted; gives UTF-8. */
export function unescape(raw: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(raw.length)
  let length = 0
  for (let at = 0; at < raw.length;) {
    const byte = raw[at] as number
    if (byte !== backslash) {
      out[length++] = byte
      at++
    } else if (raw[at + 1] !== 0x75) {
      out[length++] = simpleEscapes[raw[at + 1] as number] as number
      at += 2
    } else {
      const rune = escapedRune(raw, at)
      length = encodeRune(rune, out, length)
      at += rune > 0xffff ? 12 : 6
    }
  }
  return out.subarray(0, length)
}

/** The code point of `\uXXXX` at `at`, or of a pair of them that is a surrogate pair. */
function escapedRune(raw: Uint8Array, at: number): number {
  const first = fourDigits(raw, at + 2)
  if (!isSurrogate(first) || raw[at + 6] !== backslash || raw[at + 7] !== 0x75) return first
  const second = fourDigits(raw, at + 8)
  const isPair = first < 0xdc00 && second >= 0xdc00 && second <= 0xdfff
  return isPair ? 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00) : first
}

function fourDigits(bytes: Uint8Array, at: number): number {
  let value = 0
  for (let i = 0; i < 4; i++) value = (value << 4) | hexValue(bytes[at + i] as number)
  return value
}

/** The value of a hexadecimal digit in either case, -1 for anything else. */
export function hexValue(byte: number): number {
  if (isDigit(byte)) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

function describe(byte: number): string {
  if (byte === end) return 'the end'
  return byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16).padStart(2, '0')}`
}
