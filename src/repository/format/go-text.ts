import { isUtf8 } from 'node:buffer'
import { decodeRune, runeOf, widthOf } from './utf8.ts'

/** Bytes as text, the way Go's JSON has them: each byte that is no valid UTF-8 becomes a U+FFFD of its own. */
export function goText(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const decoded = decodeRune(bytes, at)
    text += String.fromCodePoint(runeOf(decoded))
    at += widthOf(decoded)
  }
  return text
}
