import type { CalendarDuration } from './duration.ts'

/** A moment, and what the calendar on the wall said there: bucket borders are midnight where the backup was made. */
export interface LocalTime {
  /** Nanoseconds since 1970, UTC. */
  readonly instant: bigint
  /** The wall's date and time as if it were UTC, in milliseconds since 1970. */
  readonly wall: number
  /** Nanoseconds that the wall is ahead of UTC. */
  readonly offset: bigint
  /** Nanoseconds within the millisecond. */
  readonly fraction: bigint
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):(\d\d))$/

const nanosecondsPerMillisecond = 1_000_000n
const nanosecondsPerHour = 3_600_000_000_000n

/** Reads RFC 3339 text; undefined when it is none. */
export function parseLocalTime(text: string): LocalTime | undefined {
  const match = rfc3339.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const nanoseconds = BigInt((match[7] ?? '').padEnd(9, '0'))
  const minutesAhead = Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)
  if (hour > 23 || minute > 59 || second > 59 || Number(match[9] ?? 0) > 24 || Number(match[10] ?? 0) > 60)
    return undefined

  const wall = utc(year, month - 1, day, hour, minute, second) + Number(nanoseconds / nanosecondsPerMillisecond)
  const date = new Date(wall)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined // 30 February

  const offset = BigInt(match[8] === '-' ? -minutesAhead : minutesAhead) * 60_000n * nanosecondsPerMillisecond
  const fraction = nanoseconds % nanosecondsPerMillisecond
  return { wall, offset, fraction, instant: instantOf(wall, offset, fraction) }
}

/**
 * The instant that lies `duration` before `time`, in nanoseconds; undefined when that is before all calendars.
 *
 * Years, months and days go by the calendar: a day that the month does not have runs over into the next month
 * (31 March less one month is 3 March, or 2 March in a leap year), as Go's AddDate has it. Hours go by the clock.
 */
export function goBack(time: LocalTime, { years, months, days, hours }: CalendarDuration): bigint | undefined {
  const date = new Date(time.wall)
  const midnight = utc(date.getUTCFullYear() - years, date.getUTCMonth() - months, date.getUTCDate() - days, 0, 0, 0)
  if (Number.isNaN(midnight)) return undefined
  const timeOfDay = time.wall - utc(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), 0, 0, 0)
  return instantOf(midnight + timeOfDay, time.offset, time.fraction) - BigInt(hours) * nanosecondsPerHour
}

/** Numbers that are the same for two times within the same hour, day, ISO week, month or year, and differ otherwise. */
export const calendarBuckets = {
  hourly: ({ wall }: LocalTime) => Math.floor(wall / 3_600_000),
  daily: ({ wall }: LocalTime) => dayOf(wall),
  // Weeks begin on Monday, and 1970 began on a Thursday. Counting them needs no rule for week 53.
  weekly: ({ wall }: LocalTime) => Math.floor((dayOf(wall) + 3) / 7),
  monthly: ({ wall }: LocalTime) => new Date(wall).getUTCFullYear() * 12 + new Date(wall).getUTCMonth(),
  yearly: ({ wall }: LocalTime) => new Date(wall).getUTCFullYear(),
} as const

function dayOf(wall: number): number {
  return Math.floor(wall / 86_400_000)
}

function instantOf(wall: number, offset: bigint, fraction: bigint): bigint {
  return BigInt(wall) * nanosecondsPerMillisecond + fraction - offset
}

/** Milliseconds since 1970. (`Date.UTC` takes the years 0 to 99 for 1900 to 1999.) */
function utc(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  date.setUTCHours(hour, minute, second)
  return date.getTime()
}
