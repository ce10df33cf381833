/** Numbers and times as restic prints them. */

/** `12.34%`; nothing when there is nothing to have a part of. */
export function formatPercent(part: number | bigint, whole: number | bigint): string {
  if (Number(whole) === 0) return ''
  return `${Math.min(100, (100 * Number(part)) / Number(whole)).toFixed(2)}%`
}

/** `2026-01-31 08:05:09` on this machine's wall clock. */
export function formatWallTime(milliseconds: number): string {
  const date = new Date(milliseconds)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** The same for RFC 3339. */
export function formatTimeText(rfc3339: string): string {
  return formatWallTime(Date.parse(rfc3339))
}

/** Reads `2026-01-31 08:05:09`, on this machine's wall clock; undefined when it is no time. */
export function parseWallTime(text: string): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)$/.exec(text)
  if (!match) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const date = new Date(year, month - 1, day, hour, minute, second)
  const isReal = date.getMonth() === month - 1 && date.getDate() === day && hour < 24 && minute < 60 && second < 60
  return isReal ? date.getTime() : undefined
}

const durationUnits: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Reads a length of time as Go has it, `1h30m` or `90s`, in milliseconds; undefined when it is none. */
export function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/gy)]
  if (parts.length === 0 || parts.reduce((length, [part]) => length + part.length, 0) !== text.length) return undefined
  return parts.reduce((sum, [, value, unit]) => sum + Number(value) * (durationUnits[unit as string] as number), 0)
}

/** The first digits of an id, by which people call it. */
export function shortId(id: string): string {
  return id.slice(0, 8)
}

/** `1 file`, `2 files`. */
export function count(number: number, one: string, many: string = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}
