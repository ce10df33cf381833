/**
 * Raw strings (one character a byte) as text for patterns, the way Go sees bytes as characters: UTF-8 where it is valid,
 * and each byte that is not as a character of its own (U+DC80 … U+DCFF, which no valid text contains).
 */

const ascii = /^[\x00-\x7f]*$/

export function textOfRaw(raw: string): string {
  if (ascii.test(raw)) return raw
  const bytes = Buffer.from(raw, 'latin1')
  const text = bytes.toString('utf8')
  return text.includes(replacement) ? decodeMixed(bytes) : text
}

const replacement = '\ufffd'

function decodeMixed(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] as number
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
    const char = bytes.toString('utf8', at, at + length)
    const isValid = !char.includes(replacement) || bytes.toString('latin1', at, at + length) === '\xef\xbf\xbd'
    if (isValid) {
      text += char
      at += length
    } else {
      text += String.fromCharCode(0xdc00 + first)
      at++
    }
  }
  return text
}

/** Go's `strings.ToLower`: each character by itself (JavaScript's knows about the ends of words). */
export function lowerCase(text: string): string {
  if (ascii.test(text)) return text.toLowerCase()
  let lower = ''
  for (const char of text) lower += String.fromCodePoint(char.toLowerCase().codePointAt(0) as number)
  return lower
}
