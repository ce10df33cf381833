import type { ByteRange } from '#backend'

/**
 * The part that a `Range` header asks for (RFC 9110, section 14): a range cut to the file's end; `beyond` when none of it
 * is there; undefined for the whole file: without the header, and for what we do not serve (several ranges, other units),
 * which a server may ignore. Of an empty file everything is the whole.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'beyond' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '')
  if (!match || size === 0) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  if (first === '') return suffix(Number(last), size)
  const offset = Number(first)
  if (last !== '' && Number(last) < offset) return undefined
  if (offset >= size) return 'beyond'
  const end = last === '' ? size : Math.min(size, Number(last) + 1)
  return { offset, length: end - offset }
}

function suffix(wanted: number, size: number): ByteRange | 'beyond' {
  if (wanted === 0) return 'beyond'
  const length = Math.min(wanted, size)
  return { offset: size - length, length }
}
