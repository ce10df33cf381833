import { FormatError } from './errors.ts'

/**
 * Times are RFC 3339 text in the format, to the nanosecond; with us they are nanoseconds since 1970. Days are counted in
 * the Gregorian calendar, also before it began, as Go does.
 */

const secondsPerDay = 86_400
const nanosecondsPerSecond = 1_000_000_000n

/** Days from 1 March of year 0 to 1 January 1970: counting years from March puts the leap day at their end. */
const daysToEpoch = 719_468
const daysPerEra = 146_097 // 400 years

/**
 * A time as restic writes it, in UTC with the zeros at the end of the fraction cut: `2024-05-01T12:00:00.25Z`.
 * A year that four digits cannot show becomes 0 or 9999 (restic's rule), everything else in the time stays.
 */
export function formatTime(nanoseconds: bigint): string {
  let seconds = nanoseconds / nanosecondsPerSecond
  let fraction = Number(nanoseconds % nanosecondsPerSecond)
  if (fraction < 0) {
    fraction += 1e9
    seconds--
  }
  const total = Number(seconds)
  const days = Math.floor(total / secondsPerDay)
  return `${formatDate(days)}T${formatClock(total - days * secondsPerDay)}${formatFraction(fraction)}Z`
}

function formatDate(days: number): string {
  const { year, month, day } = civilFromDays(days)
  if (year >= 0 && year <= 9999) return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
  const clamped = Math.min(Math.max(year, 0), 9999)
  return formatDate(daysFromCivil(clamped, month, day)) // through days: 29 February may have to become 1 March
}

function formatClock(seconds: number): string {
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
}

function formatFraction(fraction: number): string {
  if (fraction === 0) return ''
  let digits = 9
  while (fraction % 10 === 0) {
    fraction /= 10
    digits--
  }
  return `.${String(fraction).padStart(digits, '0')}`
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}

/** Nanoseconds since 1970 of RFC 3339 text, with `Z` or an offset. Throws TIME_INVALID. */
export function parseTime(text: string): bigint {
  const bytes = Buffer.from(text, 'utf8')
  return parseTimeBytes(bytes, 0, bytes.length)
}

/** The same for text that lies in `bytes`, without making a string. */
export function parseTimeBytes(bytes: Uint8Array, start: number, end: number): bigint {
  const local = secondsOfDateTime(bytes, start, end)
  const fractionEnd = endOfFraction(bytes, start, end)
  const seconds = local - offsetSeconds(bytes, start, end, fractionEnd)
  let fraction = 0
  for (let digit = 0; digit < 9; digit++) {
    const at = start + 20 + digit
    fraction = fraction * 10 + (at < fractionEnd ? (bytes[at] as number) - 0x30 : 0)
  }
  return BigInt(seconds) * nanosecondsPerSecond + BigInt(fraction)
}

/** Throws TIME_INVALID where `parseTimeBytes` does, and makes no number. */
export function checkTimeBytes(bytes: Uint8Array, start: number, end: number): void {
  secondsOfDateTime(bytes, start, end)
  offsetSeconds(bytes, start, end, endOfFraction(bytes, start, end))
}

/** Where the fraction of a second ends, which need not be there. */
function endOfFraction(bytes: Uint8Array, start: number, end: number): number {
  let at = start + 19
  if (bytes[at] !== 0x2e || at >= end) return at
  const from = ++at
  while (at < end && isDigit(bytes[at] as number)) at++
  if (at === from) throw invalid(bytes, start, end, 'the fraction has no digits')
  return at
}

/** Seconds since 1970 of `2006-01-02T15:04:05`, as if it were UTC. */
function secondsOfDateTime(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 20) throw invalid(bytes, start, end, 'it is too short')
  const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2)
  const month = twoDigits(bytes, start + 5)
  const day = twoDigits(bytes, start + 8)
  const hour = twoDigits(bytes, start + 11)
  const minute = twoDigits(bytes, start + 14)
  const second = twoDigits(bytes, start + 17)
  const isPunctuated =
    bytes[start + 4] === 0x2d &&
    bytes[start + 7] === 0x2d &&
    bytes[start + 10] === 0x54 &&
    bytes[start + 13] === 0x3a &&
    bytes[start + 16] === 0x3a
  // A pair that is not two digits comes out as NaN, and makes every comparison below false.
  const isInRange =
    year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month) && hour < 24 && minute < 60
  if (!isPunctuated || !isInRange || !(second < 60)) throw invalid(bytes, start, end, 'it is no date and time')
  return daysFromCivil(year, month, day) * secondsPerDay + hour * 3600 + minute * 60 + second
}

/** Seconds east of UTC of `Z` or `+01:00` at `at`, which must be the last thing. */
function offsetSeconds(bytes: Uint8Array, start: number, end: number, at: number): number {
  const sign = at < end ? (bytes[at] as number) : 0
  if (sign === 0x5a && at + 1 === end) return 0
  const hours = twoDigits(bytes, at + 1)
  const minutes = twoDigits(bytes, at + 4)
  const isSigned = sign === 0x2b || sign === 0x2d
  const isValid = isSigned && at + 6 === end && bytes[at + 3] === 0x3a && hours < 24 && minutes < 60
  if (!isValid) throw invalid(bytes, start, end, 'it does not end with Z or an offset')
  const offset = hours * 3600 + minutes * 60
  return sign === 0x2d ? -offset : offset
}

function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - 0x30
  const ones = (bytes[at + 1] ?? 0) - 0x30
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

function invalid(bytes: Uint8Array, start: number, end: number, reason: string): FormatError {
  return new FormatError('TIME_INVALID', { time: bytes.subarray(start, end), reason })
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function daysFromCivil(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * daysPerEra + dayOfEra - daysToEpoch
}

function civilFromDays(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + daysToEpoch
  const era = Math.floor(shifted / daysPerEra)
  const dayOfEra = shifted - era * daysPerEra
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096)
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365)
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return { year, month, day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1 }
}
