import { parseTime } from '#repository'

/** Times as people type them, in the forms that restic understands. */

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const clock = String.raw`(?: (?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d)(?: (?<zone>[+-]\d{4}|UTC|GMT))?)?)?`
const forms = [
  new RegExp(String.raw`^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)${clock}$`),
  new RegExp(String.raw`^(?<day>\d\d)\.(?<month>\d\d)\.(?<year>\d{4})${clock}$`),
  // As `date` and Go print it; the zone's name says nothing beyond its offset.
  /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) +(?<day>\d{1,2}) (?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d) (?<zone>[+-]\d{4}) [A-Z]{3,4} (?<year>\d{4})$/,
]

/**
 * Nanoseconds since 1970 of `2026-01-31`, `2026-01-31 08:05`, `31.01.2026 08:05:09 +0100` and the like; without a zone on
 * this machine's wall clock. Undefined when it is no time.
 */
export function parseTypedTime(text: string): bigint | undefined {
  const groups = forms.map((form) => form.exec(text)?.groups).find((found) => found !== undefined)
  if (!groups) return undefined
  const month = /^\d/.test(groups.month ?? '') ? Number(groups.month) : months.indexOf(groups.month ?? '') + 1
  const [year, day] = [Number(groups.year), Number(groups.day)]
  const [hour, minute, second] = [groups.hour, groups.minute, groups.second].map((part) => Number(part ?? 0))
  const parts = [year, month, day, hour ?? 0, minute ?? 0, second ?? 0]
  return isReal(parts) ? nanosecondsOf(parts, groups.zone) : undefined
}

function isReal([year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: readonly number[]): boolean {
  const lastDay = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()
  return month >= 1 && month <= 12 && day >= 1 && day <= lastDay && hour < 24 && minute < 60 && second < 60
}

function nanosecondsOf(
  [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: readonly number[],
  zone: string | undefined,
): bigint {
  if (zone === undefined) {
    const local = new Date(2000, month - 1, day, hour, minute, second)
    local.setFullYear(year, month - 1, day)
    return BigInt(local.getTime()) * 1_000_000n
  }
  const two = (value: number) => String(value).padStart(2, '0')
  const offset = zone.startsWith('U') || zone.startsWith('G') ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3)}`
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
  return parseTime(`${date}T${two(hour)}:${two(minute)}:${two(second)}${offset}`)
}
