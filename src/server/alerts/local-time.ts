/** The time of day where a person lives. */
import type { Digest, QuietHours } from '#protocol'

interface LocalTime {
  /** `2026-03-29`. */
  readonly date: string
  /** 1 is Monday, 7 Sunday. */
  readonly weekday: number
  readonly hour: number
  readonly minute: number
}

const formats = new Map<string, Intl.DateTimeFormat>()

function localTime(at: number, timeZone: string): LocalTime {
  // Making one takes longer than all the rest together.
  const format = formats.get(timeZone) ?? new Intl.DateTimeFormat('en-CA', { ...parts, timeZone })
  formats.set(timeZone, format)
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
  const date = `${part['year']}-${part['month']}-${part['day']}`
  return { date, weekday: weekdayOf(date), hour: Number(part['hour']), minute: Number(part['minute']) }
}

const parts = {
  calendar: 'iso8601',
  numberingSystem: 'latn',
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
} as const

function weekdayOf(date: string): number {
  return new Date(`${date}T00:00:00Z`).getUTCDay() || 7
}

export function isQuiet(quiet: QuietHours | undefined, timeZone: string, now: number): boolean {
  if (!quiet) return false
  const { hour, minute } = localTime(now, timeZone)
  const time = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`
  const { from, to } = quiet
  return from < to ? time >= from && time < to : time >= from || time < to
}

/**
 * The date of the newest digest that is due, by the person's calendar. A digest is sent when this is another than the last:
 * so one is sent also when its hour was slept over, or does not exist on the day when clocks are put forward, and never two.
 */
export function digestDate(digest: Digest, timeZone: string, now: number): string {
  const { date, weekday, hour } = localTime(now, timeZone)
  const hourHasCome = hour >= digest.hour
  if (digest.every === 'day') return daysBefore(date, hourHasCome ? 0 : 1)
  const days = (weekday - digest.weekday + 7) % 7
  return daysBefore(date, days === 0 && !hourHasCome ? 7 : days)
}

function daysBefore(date: string, days: number): string {
  const day = new Date(`${date}T00:00:00Z`)
  day.setUTCDate(day.getUTCDate() - days)
  return day.toISOString().slice(0, 10)
}
