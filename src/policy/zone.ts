import { PolicyError } from './errors.ts'

/**
 * The wall clock of a place, by the time zones that Node carries (IANA). A *wall time* is what the clock on the wall shows,
 * written as if it were UTC: milliseconds since 1970. An *instant* is the same moment everywhere.
 */

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour

interface Zone {
  readonly formatter: Intl.DateTimeFormat
  /** Offsets of the days (of UTC) on which clocks were not set: asking the formatter costs more than all the rest. */
  readonly offsets: Map<number, number>
}

/** Names come from outside, and clocks may show any year: so many zones, and days of each, are remembered and no more. */
const rememberedZones = 64
const rememberedDays = 4096
const zones = new Map<string, Zone>()

export function isTimeZone(name: string): boolean {
  try {
    return zoneOf(name) !== undefined
  } catch {
    return false
  }
}

/**
 * Milliseconds that the wall clock of the zone is ahead of UTC.
 *
 * @throws PolicyError TIME_ZONE_UNKNOWN
 */
export function offsetAt(instant: number, timeZone: string): number {
  const zone = zoneOf(timeZone)
  const today = Math.floor(instant / day)
  const known = zone.offsets.get(today)
  if (known !== undefined) return known
  const offset = readOffset(zone, today * day)
  if (offset !== readOffset(zone, (today + 1) * day)) return readOffset(zone, instant)
  if (zone.offsets.size >= rememberedDays) zone.offsets.clear()
  zone.offsets.set(today, offset)
  return offset
}

function readOffset({ formatter }: Zone, instant: number): number {
  const second = Math.floor(instant / 1000) * 1000
  const [month = 0, dayOfMonth = 0, year = 0, ...time] = formatter.format(second).split(/\D+/).map(Number)
  return Date.UTC(year, month - 1, dayOfMonth, ...time) - second
}

export function wallAt(instant: number, timeZone: string): number {
  return instant + offsetAt(instant, timeZone)
}

/**
 * The instant at which the wall clock shows `wall` for the first time. When clocks go back an hour comes twice: the first
 * counts. When they go forward an hour does not come at all: then it is the instant at which they go forward.
 */
export function instantOf(wall: number, timeZone: string): number {
  // No clock is further from UTC than 14 hours, so a day to either side is before and after whatever happens at `wall`.
  const before = wall - offsetAt(wall - day, timeZone)
  const after = wall - offsetAt(wall + day, timeZone)
  if (before === after) return before
  const [earliest, latest] = [Math.min(before, after), Math.max(before, after)]
  const shown = [earliest, latest].find((instant) => wallAt(instant, timeZone) === wall)
  return shown ?? offsetChange(earliest, latest, timeZone) ?? latest
}

/** The instant in (after, until] at which the zone's offset changes; undefined when it is the same at both ends. */
export function offsetChange(after: number, until: number, timeZone: string): number | undefined {
  const changed = offsetAt(until, timeZone)
  if (offsetAt(after, timeZone) === changed) return undefined
  let [before, since] = [after, until]
  while (since - before > 1) {
    const middle = Math.floor((before + since) / 2)
    if (offsetAt(middle, timeZone) === changed) since = middle
    else before = middle
  }
  return since
}

/** `2026-11-23 02:00`, by the wall clock of the zone. */
export function formatInstant(instant: number, timeZone: string): string {
  return new Date(wallAt(instant, timeZone)).toISOString().slice(0, 16).replace('T', ' ')
}

/** RFC 3339 with the zone's offset. */
export function toRfc3339(instant: number, timeZone: string): string {
  const minutes = Math.round(offsetAt(instant, timeZone) / minute)
  const sign = minutes < 0 ? '-' : '+'
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  const wall = new Date(instant + minutes * minute).toISOString().slice(0, -1)
  return `${wall}${sign}${twoDigits(hours)}:${twoDigits(rest)}`
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}

function zoneOf(timeZone: string): Zone {
  const known = zones.get(timeZone)
  if (known !== undefined) return known
  const zone = { formatter: makeFormatter(timeZone), offsets: new Map<number, number>() }
  if (zones.size >= rememberedZones) zones.clear()
  zones.set(timeZone, zone)
  return zone
}

function makeFormatter(timeZone: string): Intl.DateTimeFormat {
  const [date, time] = [
    { year: 'numeric', month: 'numeric', day: 'numeric' },
    { hour: '2-digit', minute: '2-digit' },
  ] as const
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...date, ...time, second: '2-digit' })
  } catch (cause) {
    throw new PolicyError('TIME_ZONE_UNKNOWN', { name: timeZone, cause })
  }
}
