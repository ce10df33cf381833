/** Finds how the characters of a text are written: by its byte order mark, as UTF-8, or else as Windows-1252. */

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'

export interface Decoded {
  readonly encoding: Encoding
  readonly text: string
}

/** True when no text has such bytes: so other files are told from text. */
export function isBinary(head: Uint8Array): boolean {
  const { encoding, text } = decodeText(head)
  // Bytes that Windows-1252 does not have stay what they are in Latin-1: control characters.
  return (encoding === 'windows-1252' ? /[\0-\x07\x0e-\x1a\x1c-\x1f\x7f-\x9f]/ : /[\0-\x06\x0e-\x1a\x1c-\x1f]/).test(
    text,
  )
}

/** Decodes the first bytes of a text. A character that is cut in two at the end is left out. */
export function decodeText(bytes: Uint8Array): Decoded {
  const marked = markedEncoding(bytes)
  if (marked) return { encoding: marked, text: new TextDecoder(marked).decode(bytes, { stream: true }) }
  try {
    return { encoding: 'utf-8', text: new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true }) }
  } catch {
    return { encoding: 'windows-1252', text: decodeWindows(bytes) }
  }
}

function markedEncoding([first, second, third]: Uint8Array): Encoding | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8'
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  return undefined
}

/** What Windows-1252 has at 0x80 to 0x9f; the dots are places that it leaves empty. */
const windowsCharacters = '€.‚ƒ„…†‡ˆ‰Š‹Œ.Ž..‘’“”•–—˜™š›œ.žŸ'

/** Not by `TextDecoder`: some releases of Node take this name for Latin-1. */
export function decodeWindows(bytes: Uint8Array): string {
  const latin = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  return latin.replace(/[\x80-\x9f]/g, (character) => {
    const found = windowsCharacters[character.charCodeAt(0) - 0x80]
    return found === undefined || found === '.' ? character : found
  })
}
