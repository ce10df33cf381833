import { PolicyError } from './errors.ts'
import { minute, offsetAt, offsetChange, wallAt } from './zone.ts'

export const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const
export type Weekday = (typeof weekdays)[number]

/** Hours of the week: from 22:00 to 06:00 goes over midnight and belongs to the day on which it begins. */
export interface Hours {
  /** `HH:MM`, 00:00 to 23:59. */
  readonly from: string
  /** `HH:MM`, up to 24:00; this minute is no longer in it. */
  readonly to: string
  /** Every day when absent. */
  readonly days?: readonly Weekday[]
}

const minutesPerDay = 24 * 60
export const minutesPerWeek = 7 * minutesPerDay

/** One entry for each minute of the week from Monday 00:00: 1 where some of the hours hold. */
export type WeekMap = Uint8Array

/**
 * Reads `HH:MM` as minutes since midnight.
 *
 * @throws PolicyError TIME_OF_DAY_INVALID
 */
export function parseTimeOfDay(text: string, { last = '23:59' }: { readonly last?: '23:59' | '24:00' } = {}): number {
  const [, hours, minutes] = /^(\d\d):([0-5]\d)$/.exec(text) ?? []
  const value = Number(hours) * 60 + Number(minutes)
  if (hours === undefined || value > minutesPerDay || (value === minutesPerDay && last !== '24:00')) {
    throw new PolicyError('TIME_OF_DAY_INVALID', { text, last })
  }
  return value
}

/** @throws PolicyError TIME_OF_DAY_INVALID, HOURS_EMPTY */
export function mapOfWeek(hours: readonly Hours[]): WeekMap {
  const week = new Uint8Array(minutesPerWeek)
  for (const each of hours) mark(week, each)
  return week
}

function mark(week: WeekMap, { from, to, days = weekdays }: Hours): void {
  const begin = parseTimeOfDay(from)
  const end = parseTimeOfDay(to, { last: '24:00' })
  if (begin === end) throw new PolicyError('HOURS_EMPTY', { from, to })
  const length = end > begin ? end - begin : end + minutesPerDay - begin
  for (const name of days) {
    const start = weekdays.indexOf(name) * minutesPerDay + begin
    for (let at = start; at < start + length; at++) week[at % minutesPerWeek] = 1
  }
}

/** True when the minute of the week that the wall clock shows is marked. */
export function isMarked(week: WeekMap, instant: number, timeZone: string): boolean {
  return week[minuteOfWeek(instant, timeZone)] === 1
}

/** The next instant after `instant` at which `isMarked` changes; undefined when it never does. */
export function nextChange(week: WeekMap, instant: number, timeZone: string): number | undefined {
  const here = minuteOfWeek(instant, timeZone)
  const minutes = minutesUntilChange(week, here)
  if (minutes === undefined) return undefined
  const offset = offsetAt(instant, timeZone)
  const change = (Math.floor((instant + offset) / minute) + minutes) * minute - offset
  // Where clocks are set in between, the wall can show hours again, or leave them out.
  const clocksSet = offsetChange(instant, change, timeZone)
  if (clocksSet === undefined) return change
  return week[minuteOfWeek(clocksSet, timeZone)] === week[here] ? nextChange(week, clocksSet, timeZone) : clocksSet
}

function minutesUntilChange(week: WeekMap, from: number): number | undefined {
  for (let minutes = 1; minutes < minutesPerWeek; minutes++) {
    if (week[(from + minutes) % minutesPerWeek] !== week[from]) return minutes
  }
  return undefined
}

function minuteOfWeek(instant: number, timeZone: string): number {
  const minutes = Math.floor(wallAt(instant, timeZone) / minute)
  // 1970 began on a Thursday.
  return (((minutes + 3 * minutesPerDay) % minutesPerWeek) + minutesPerWeek) % minutesPerWeek
}
