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
