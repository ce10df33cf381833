/** Durations and shares in the words of a sentence. */

const units = [
  ['year', 365 * 86_400_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const

/** `2 days`, `1.5 hours`, `40 seconds`: one unit, and a decimal below ten. */
export function inWords(milliseconds: number): string {
  const [unit, size] = units.find(([, length]) => milliseconds >= length) ?? ['second', 1000]
  const value = milliseconds / size
  const rounded = value < 10 ? Math.round(value * 10) / 10 : Math.round(value)
  return count(rounded, unit)
}

/** `1 file`, `3 files`. */
export function count(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? '' : 's'}`
}

/** `12 %`; a share that is not nothing is never shown as nothing. */
export function percent(share: number): string {
  const value = share * 100
  if (value > 0 && value < 1) return 'less than 1 %'
  return `${Math.round(value)} %`
}
