import { formatNumber } from '../words/formats.ts'

/** A value of any shape, in one line. */
export function shownValue(value: unknown, locale: string): string {
  if (typeof value === 'number') return formatNumber(value, locale)
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return '–'
  return JSON.stringify(value)
}

/** Whether a number of this name is told in bytes: `bytes`, `bytesAdded`, `usedBytes`. */
export function isByteName(name: string): boolean {
  return /^bytes|Bytes$/.test(name) && !name.endsWith('PerSecond')
}
