import { FormatError } from './errors.ts'

/** Bytes of an id: a SHA-256. */
export const idLength = 32

/** Digits of an id as text. */
export const idDigits = 64

const fileName = /^[0-9a-f]{64}$/

/** Whether `name` is the name of a pack, index, snapshot, key or lock: 64 digits, lower case. */
export function isFileName(name: string): boolean {
  return fileName.test(name)
}

/** The id at `at` in `ids`, as text. */
export function idToHex(ids: Uint8Array, at = 0): string {
  return Buffer.from(ids.buffer, ids.byteOffset + at, idLength).toString('hex')
}

/** The 32 bytes of an id; throws ID_INVALID for anything but 64 lower-case digits. */
export function idFromHex(hex: string): Buffer {
  if (!isFileName(hex)) throw new FormatError('ID_INVALID', { id: hex })
  return Buffer.from(hex, 'hex')
}

const notADigit = 0xff
const digitValues = new Uint8Array(256).fill(notADigit)
const digits = new Uint8Array(16)
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16).charCodeAt(0)
  digits[value] = digit
  digitValues[digit] = value
}

/** Reads 64 lower-case digits at `at` in `text` into `into`; false when something else is there. */
export function readHexId(text: Uint8Array, at: number, into: Uint8Array, intoAt = 0): boolean {
  if (at + idDigits > text.length) return false
  let wrong = 0
  for (let i = 0; i < idLength; i++) {
    const high = digitValues[text[at + 2 * i] as number] as number
    const low = digitValues[text[at + 2 * i + 1] as number] as number
    wrong |= high | low
    into[intoAt + i] = (high << 4) | low
  }
  return wrong < 16
}

/** Writes the id at `idAt` in `ids` as 64 digits to `at` in `text`. */
export function writeHexId(ids: Uint8Array, idAt: number, text: Uint8Array, at: number): void {
  for (let i = 0; i < idLength; i++) {
    const byte = ids[idAt + i] as number
    text[at + 2 * i] = digits[byte >> 4] as number
    text[at + 2 * i + 1] = digits[byte & 15] as number
  }
}
