import { printable } from '#base'

/** TypeScript does not know it yet (https://github.com/tc39/proposal-json-parse-with-source). */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }

/**
 * One line of JSON. Numbers beyond 2^53 stay exact (`bigint`), bytes become hex, and what a terminal might act on is
 * escaped, which means the same to whoever parses it. Fields that are undefined are left out.
 */
export function encodeJson(value: unknown, indent = 0): string {
  const text = JSON.stringify(value, plain, indent)
  return indent === 0 ? escape(text) : text.split('\n').map(escape).join('\n')
}

function escape(text: string): string {
  return printable(text, Infinity)
}

function plain(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return rawJSON(String(value))
  // Buffers have been through their own toJSON by now.
  if (isBufferJson(value)) return Buffer.from(value.data).toString('hex')
  return value
}

function isBufferJson(value: unknown): value is { readonly data: number[] } {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer'
}

/** Leaves out what Go's `omitempty` leaves out: zero, empty text, empty lists, false, null. */
export function omitEmpty<Fields extends Record<string, unknown>>(fields: Fields): Partial<Fields> {
  const kept = Object.entries(fields).filter(([, value]) => !isEmpty(value))
  return Object.fromEntries(kept) as Partial<Fields>
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true
  if (value === 0 || value === 0n) return true
  return Array.isArray(value) && value.length === 0
}
