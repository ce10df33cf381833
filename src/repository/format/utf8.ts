/** UTF-8 as Go reads it: every byte that starts no valid character stands for itself, as an error one byte wide. */

/** What Go puts in the place of a byte that is not valid UTF-8. */
export const replacementRune = 0xfffd

/**
 * Decodes the character at `at`: its code point in the low 21 bits, its width in bytes above them (`widthOf`, `runeOf`).
 * An invalid byte gives U+FFFD with width 1; a U+FFFD that is really there has width 3.
 */
export function decodeRune(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number
  if (first < 0x80) return pack(first, 1)
  if (first < 0xc2 || first > 0xf4) return invalid
  const second = continuation(bytes, at + 1)
  if (second < 0) return invalid
  if (first < 0xe0) return pack(((first & 0x1f) << 6) | second, 2)
  const third = continuation(bytes, at + 2)
  if (third < 0) return invalid
  if (first < 0xf0) return checked(((first & 0x0f) << 12) | (second << 6) | third, 3)
  const fourth = continuation(bytes, at + 3)
  if (fourth < 0) return invalid
  return checked(((first & 0x07) << 18) | (second << 12) | (third << 6) | fourth, 4)
}

export function runeOf(decoded: number): number {
  return decoded & 0x1fffff
}

export function widthOf(decoded: number): number {
  return decoded >> 21
}

/** Writes a code point as UTF-8 to `at`; returns the position after it. Surrogates become U+FFFD, as in Go. */
export function encodeRune(rune: number, into: Uint8Array, at: number): number {
  if (rune < 0x80) {
    into[at] = rune
    return at + 1
  }
  if (rune < 0x800) {
    into[at] = 0xc0 | (rune >> 6)
    into[at + 1] = 0x80 | (rune & 0x3f)
    return at + 2
  }
  if (rune < 0x10000) {
    const safe = isSurrogate(rune) ? replacementRune : rune
    into[at] = 0xe0 | (safe >> 12)
    into[at + 1] = 0x80 | ((safe >> 6) & 0x3f)
    into[at + 2] = 0x80 | (safe & 0x3f)
    return at + 3
  }
  into[at] = 0xf0 | (rune >> 18)
  into[at + 1] = 0x80 | ((rune >> 12) & 0x3f)
  into[at + 2] = 0x80 | ((rune >> 6) & 0x3f)
  into[at + 3] = 0x80 | (rune & 0x3f)
  return at + 4
}

export function isSurrogate(rune: number): boolean {
  return rune >= 0xd800 && rune <= 0xdfff
}

function pack(rune: number, width: number): number {
  return (width << 21) | rune
}

const invalid = pack(replacementRune, 1)

function continuation(bytes: Uint8Array, at: number): number {
  const byte = at < bytes.length ? (bytes[at] as number) : 0
  return (byte & 0xc0) === 0x80 ? byte & 0x3f : -1
}

/** Overlong forms, surrogates and what lies above U+10FFFF are invalid. */
function checked(rune: number, width: 3 | 4): number {
  if (width === 3 && (rune < 0x800 || isSurrogate(rune))) return invalid
  if (width === 4 && (rune < 0x10000 || rune > 0x10ffff)) return invalid
  return pack(rune, width)
}
