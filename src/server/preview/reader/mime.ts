import { decodeText, decodeWindows } from './encoding.ts'

/** A message or a part of one, its bytes as Latin-1 characters (RFC 5322, RFC 2045 to 2047). */
export interface Entity {
  /** By names in small letters; of those that come twice, the first. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** Characters of headers that are looked at. */
const mostHeaders = 256 << 10

export function parseEntity(bytes: string): Entity {
  const [end] = /\r?\n\r?\n|$/.exec(bytes) as RegExpExecArray
  const length = end === '' ? bytes.length : bytes.indexOf(end)
  const headers = new Map<string, string>()
  for (const line of bytes.slice(0, Math.min(length, mostHeaders)).split(/\r?\n(?![ \t])/)) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase()
    if (name !== '' && !headers.has(name))
      headers.set(
        name,
        line
          .slice(colon + 1)
          .replace(/\r?\n[ \t]*/g, ' ')
          .trim(),
      )
  }
  return { headers, body: bytes.slice(length + end.length) }
}

/** `text/plain; charset=utf-8` → `text/plain`, in small letters. */
export function mainValue(header: string): string {
  return header.split(';', 1).join('').trim().toLowerCase()
}

/** `text/plain; charset="utf-8"` → `utf-8` for `charset`; empty when it is not there. */
export function parameter(header: string, name: string): string {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^;\\s]*))`, 'i').exec(header)
  return found?.[1] ?? found?.[2] ?? ''
}

/** The parts of a multipart body. */
export function* partsOf(body: string, boundary: string): Generator<Entity> {
  const mark = `\n--${boundary}`
  const text = `\n${body}`
  let at = text.indexOf(mark)
  while (at >= 0 && !text.startsWith('--', at + mark.length)) {
    const next = text.indexOf(mark, at + mark.length)
    const line = text.indexOf('\n', at + mark.length)
    if (line < 0) return
    yield parseEntity(text.slice(line + 1, next < 0 ? undefined : next).replace(/\r$/, ''))
    at = next
  }
}

/** The text of a part, as its headers say that it is written. */
export function decodeBody({ headers, body }: Entity): string {
  const bytes = decodeTransfer(body, mainValue(headers.get('content-transfer-encoding') ?? ''))
  return decodeCharacters(bytes, parameter(headers.get('content-type') ?? '', 'charset'))
}

function decodeTransfer(body: string, encoding: string): Buffer {
  if (encoding === 'base64') return Buffer.from(body, 'base64')
  if (encoding === 'quoted-printable') return Buffer.from(unquote(body.replace(/=[ \t]*\r?\n/g, '')), 'latin1')
  return Buffer.from(body, 'latin1')
}

function unquote(text: string): string {
  return text.replace(/=([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

function decodeCharacters(bytes: Buffer, charset: string): string {
  if (/^(?:iso-8859-1|windows-1252)$/i.test(charset)) return decodeWindows(bytes)
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes)
  } catch {
    return decodeText(bytes).text // none is named, or it is not what is named
  }
}

/** `=?utf-8?Q?Gr=C3=BC=C3=9Fe?=` → `Grüße` */
export function decodeHeader(header: string): string {
  const joined = header.replace(/\?=\s+=\?/g, '?==?')
  const words = /=\?([^?\s]{1,40})\?([bq])\?([^?\s]*)\?=/gi
  let text = ''
  let at = 0
  for (const { 0: word, 1: charset = '', 2: encoding = '', 3: written = '', index } of joined.matchAll(words)) {
    const bytes =
      encoding.toLowerCase() === 'b'
        ? Buffer.from(written, 'base64')
        : Buffer.from(unquote(written.replaceAll('_', ' ')), 'latin1')
    text += decodeText(Buffer.from(joined.slice(at, index), 'latin1')).text + decodeCharacters(bytes, charset)
    at = index + word.length
  }
  return text + decodeText(Buffer.from(joined.slice(at), 'latin1')).text
}
