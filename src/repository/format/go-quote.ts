import { FormatError } from './errors.ts'
import { goPrintRuns } from './go-print-table.ts'
import { hexValue } from './json-reader.ts'
import { decodeRune, encodeRune, isSurrogate, replacementRune, runeOf, widthOf } from './utf8.ts'

/**
 * Names in trees are quoted by Go's `strconv.Quote`, without the quotes around: what is not UTF-8, not printable, `"` or
 * `\` is escaped. The text is plain UTF-8 then, and JSON can hold it; the name is bytes.
 */

const doubleQuote = 0x22
const backslash = 0x5c

const lettersByCode = new Map([
  [0x07, 'a'],
  [0x08, 'b'],
  [0x0c, 'f'],
  [0x0a, 'n'],
  [0x0d, 'r'],
  [0x09, 't'],
  [0x0b, 'v'],
  [doubleQuote, '"'],
  [backslash, '\\'],
])
const codesByLetter = new Map([...lettersByCode].map(([code, letter]) => [letter.charCodeAt(0), code]))

/** First code points of the runs of `goPrintRuns`: not printable from even entries on, printable from odd ones on. */
const printBoundaries = new Uint32Array(goPrintRuns.split(' ').length)
goPrintRuns.split(' ').reduce((start, length, i) => {
  printBoundaries[i] = start
  return start + Number.parseInt(length, 36)
}, 0x7f)

/** Whether Go (1.26, as in restic 0.19) prints this character as it is. */
export function isGoPrint(rune: number): boolean {
  if (rune < 0x7f) return rune >= 0x20
  let low = 0
  let high = printBoundaries.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((printBoundaries[middle] as number) <= rune) low = middle
    else high = middle - 1
  }
  return low % 2 === 1
}

/** `name` as a tree spells it, before JSON's own escaping. */
export function quoteName(name: Uint8Array): Buffer {
  const parts: string[] = []
  for (let at = 0; at < name.length;) {
    const decoded = decodeRune(name, at)
    const width = widthOf(decoded)
    parts.push(quoteRune(runeOf(decoded), width, name[at] as number))
    at += width
  }
  return Buffer.from(parts.join(''), 'utf8')
}

function quoteRune(rune: number, width: number, byte: number): string {
  if (rune === replacementRune && width === 1) return `\\x${hex(byte, 2)}`
  const letter = lettersByCode.get(rune)
  if (letter !== undefined) return `\\${letter}`
  if (isGoPrint(rune)) return String.fromCodePoint(rune)
  if (rune < 0x20 || rune === 0x7f) return `\\x${hex(rune, 2)}`
  return rune < 0x10000 ? `\\u${hex(rune, 4)}` : `\\U${hex(rune, 8)}`
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

/**
 * The name that `quoted` (valid UTF-8) spells; the same bytes when nothing is escaped. Throws NAME_INVALID for what
 * Go's `strconv.Unquote` refuses too: a bare `"`, a line break, an unknown escape, a surrogate.
 */
export function unquoteName(quoted: Buffer): Buffer {
  if (!needsUnquoting(quoted)) return quoted
  const out = Buffer.allocUnsafe(quoted.length)
  let length = 0
  let at = 0
  while (at < quoted.length) {
    const byte = quoted[at] as number
    if (byte === backslash) {
      const escape = readEscape(quoted, at + 1)
      if (escape.isByte) out[length++] = escape.value
      else length = encodeRune(escape.value, out, length)
      at += 1 + escape.width
    } else if (byte === doubleQuote || byte === 0x0a) {
      throw invalid(quoted, 'a quote or a line break is not escaped')
    } else {
      out[length++] = byte
      at++
    }
  }
  return out.subarray(0, length)
}

function needsUnquoting(quoted: Uint8Array): boolean {
  for (let i = 0; i < quoted.length; i++) {
    const byte = quoted[i] as number
    if (byte === backslash || byte === doubleQuote || byte === 0x0a) return true
  }
  return false
}

interface Escape {
  readonly value: number
  /** Bytes behind the backslash. */
  readonly width: number
  /** A byte of the name as it is, not a character. */
  readonly isByte: boolean
}

function readEscape(quoted: Uint8Array, at: number): Escape {
  const letter = quoted[at] ?? 0
  const code = codesByLetter.get(letter)
  if (code !== undefined) return { value: code, width: 1, isByte: true }
  if (letter === 0x78) return { value: readDigits(quoted, at + 1, 2, 16), width: 3, isByte: true }
  if (letter === 0x75) return { value: readCharacter(quoted, at + 1, 4), width: 5, isByte: false }
  if (letter === 0x55) return { value: readCharacter(quoted, at + 1, 8), width: 9, isByte: false }
  if (letter < 0x30 || letter > 0x37) throw invalid(quoted, 'an unknown escape')
  const octal = readDigits(quoted, at, 3, 8)
  if (octal > 0xff) throw invalid(quoted, 'an octal escape above \\377')
  return { value: octal, width: 3, isByte: true }
}

function readCharacter(quoted: Uint8Array, at: number, count: number): number {
  const rune = readDigits(quoted, at, count, 16)
  if (rune > 0x10ffff || isSurrogate(rune)) throw invalid(quoted, 'an escape that is no character')
  return rune
}

function readDigits(quoted: Uint8Array, at: number, count: number, base: 8 | 16): number {
  let value = 0
  for (let i = 0; i < count; i++) {
    const digit = hexValue(quoted[at + i] ?? 0)
    if (digit < 0 || digit >= base) throw invalid(quoted, 'an escape that is cut short')
    value = value * base + digit
  }
  return value
}

function invalid(quoted: Uint8Array, reason: string): FormatError {
  return new FormatError('NAME_INVALID', { name: quoted, reason })
}
