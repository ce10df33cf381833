/** Sizes, rates and durations in the words that people read. */

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `1536` → `1.500 KiB`, as restic prints sizes. */
export function formatBytes(bytes: number | bigint): string {
  let value = Number(bytes)
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(3)} ${units[unit]}`
}

/** Bytes per second: `formatRate(3 << 20, 2)` → `1.500 MiB/s`. */
export function formatRate(bytes: number | bigint, seconds: number): string {
  return seconds > 0 ? `${formatBytes(Math.round(Number(bytes) / seconds))}/s` : '–'
}

/** Seconds as `0:07`, `12:30` or `1:02:03`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  const rest = String(whole % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`
}

const spans = [
  ['year', 365 * 86_400_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const

/** `2 days`, `1.5 hours`, `40 seconds`: one unit, and a decimal below ten. */
export function formatSpan(milliseconds: number): string {
  const [unit, size] = spans.find(([, length]) => milliseconds >= length) ?? ['second', 1000]
  const value = milliseconds / size
  const rounded = value < 10 ? Math.round(value * 10) / 10 : Math.round(value)
  return formatCount(rounded, unit)
}

/** `1 file`, `3 files`. */
export function formatCount(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? '' : 's'}`
}

/** `12 %`; a share that is not nothing is never shown as nothing. */
export function formatShare(share: number): string {
  const value = share * 100
  if (value > 0 && value < 1) return 'less than 1 %'
  return `${Math.round(value)} %`
}
