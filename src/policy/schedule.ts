import { Cron } from 'croner'
import { messageOf } from '#base'
import { PolicyError } from './errors.ts'
import { isMarked, mapOfWeek, minutesPerWeek, nextChange, parseTimeOfDay, weekdays } from './hours.ts'
import type { Hours, Weekday, WeekMap } from './hours.ts'
import { day, instantOf, isTimeZone, minute, wallAt } from './zone.ts'

/** When a backup runs, as people say it. */
export type Schedule = EverySchedule | DailySchedule | WeeklySchedule | MonthlySchedule | CronSchedule

/** What every schedule has. */
export interface ScheduleHours {
  /** IANA name, `Europe/Berlin`: whose wall clock is meant. */
  readonly timeZone: string
  /** Runs start within these hours only. */
  readonly onlyBetween?: readonly Hours[]
  /** No run starts within these hours. */
  readonly notBetween?: readonly Hours[]
  /** Machines start spread over so many minutes, each always at the same place, lest all start in one second. Default 10. */
  readonly spreadMinutes?: number
}

/** Never more than so many minutes apart: counted from the anchor, anew each day, by time that passes, also when clocks are set. */
export interface EverySchedule extends ScheduleHours {
  readonly kind: 'every'
  /** 1 to 1440. */
  readonly minutes: number
  /** `HH:MM`; default 00:00. */
  readonly from?: string
}

export interface DailySchedule extends ScheduleHours {
  readonly kind: 'daily' | 'weekdays'
  /** `HH:MM`, one or several. */
  readonly at: readonly string[]
}

export interface WeeklySchedule extends ScheduleHours {
  readonly kind: 'weekly'
  readonly days: readonly Weekday[]
  readonly at: readonly string[]
}

export interface MonthlySchedule extends ScheduleHours {
  readonly kind: 'monthly'
  /** 1 to 31: in a month that has no such day, its last one. */
  readonly day: number | 'last'
  readonly at: readonly string[]
}

/** Five fields: minute, hour, day of month, month, day of week. */
export interface CronSchedule extends ScheduleHours {
  readonly kind: 'cron'
  readonly expression: string
}

/** Answers for one schedule and one machine. Instants are milliseconds since 1970. */
export interface Planner {
  /** The first planned run after `instant`; undefined when there is none. */
  next(instant: number): number | undefined
  /** True when a run may start at `instant`. */
  mayStart(instant: number): boolean
  /** The first instant from `instant` on at which a run may start; undefined when there is none. */
  nextStart(instant: number): number | undefined
}

export interface PlannerOptions {
  /** The machine's id, by which it finds its place in the spread; without one it is the very beginning. */
  readonly machine?: string | undefined
}

const defaultSpreadMinutes = 10

/**
 * How far ahead a run is looked for. Each day of the month falls on each day of the week within a year; what a cron
 * expression asks for may be a 29 February, and that comes after eight years at the latest.
 */
const horizon = 2 * 366 * day
const cronHorizon = 9 * 366 * day

/**
 * Prepares a schedule for any number of questions.
 *
 * @throws PolicyError when no schedule can be made of it: TIME_ZONE_UNKNOWN, TIME_OF_DAY_INVALID, HOURS_EMPTY, SCHEDULE_INVALID
 */
export function planSchedule(schedule: Schedule, { machine }: PlannerOptions = {}): Planner {
  const { timeZone, spreadMinutes = defaultSpreadMinutes } = schedule
  if (!isTimeZone(timeZone)) throw new PolicyError('TIME_ZONE_UNKNOWN', { name: timeZone })
  const allowed = allowedWeek(schedule)
  const mayStart = (instant: number) => isMarked(allowed, instant, timeZone)
  const nextStart = (instant: number) => (mayStart(instant) ? instant : nextChange(allowed, instant, timeZone))
  const nextNamed = nameInstants(schedule)
  const farthest = schedule.kind === 'cron' ? cronHorizon : horizon

  /** The next instant that the schedule names, within the hours. */
  const nextWithinHours = (after: number): number | undefined => {
    for (let from = after; ;) {
      const named = nextNamed(from)
      const start = named === undefined ? undefined : nextStart(named)
      if (start === undefined || start - after > farthest) return undefined
      if (start === named) return named
      from = start - 1
    }
  }
  /** A machine's place must push no run into forbidden hours, nor past the next run. */
  const place = machine === undefined ? 0 : placeOf(machine)
  const delay = (named: number): number => {
    if (place === 0 || spreadMinutes === 0) return 0
    const ends = [nextNamed(named), nextChange(allowed, named, timeZone), named + spreadMinutes * minute]
    return Math.floor(place * (Math.min(...ends.filter((end) => end !== undefined)) - named))
  }
  const next = (after: number): number | undefined => {
    let named = nextWithinHours(after - spreadMinutes * minute - 1)
    while (named !== undefined && named + delay(named) <= after) named = nextWithinHours(named)
    return named === undefined ? undefined : named + delay(named)
  }
  return { next, mayStart, nextStart }
}

/** The first planned run after `after`, which is milliseconds since 1970; undefined when there is none. */
export function nextRun(schedule: Schedule, after: number, options: PlannerOptions = {}): number | undefined {
  return planSchedule(schedule, options).next(after)
}

export interface Span {
  /** Not itself part of the span. */
  readonly after: number
  readonly until: number
}

/** The planned runs in (after, until], in order, as long as somebody asks for them. */
export function* runsBetween(schedule: Schedule, span: Span, options: PlannerOptions = {}): Generator<number> {
  yield* plannedIn(planSchedule(schedule, options), span)
}

export function* plannedIn(planner: Planner, { after, until }: Span): Generator<number> {
  for (let at = planner.next(after); at !== undefined && at <= until; at = planner.next(at)) yield at
}

const anyTime: WeekMap = new Uint8Array(minutesPerWeek).fill(1)

function allowedWeek({ onlyBetween = [], notBetween = [] }: ScheduleHours): WeekMap {
  const allowed = onlyBetween.length === 0 ? anyTime : mapOfWeek(onlyBetween)
  if (notBetween.length === 0) return allowed
  const forbidden = mapOfWeek(notBetween)
  return allowed.map((marked, at) => (forbidden[at] === 1 ? 0 : marked))
}

/** A function from an instant to the next one that the schedule names, its hours left aside. */
function nameInstants(schedule: Schedule): (after: number) => number | undefined {
  const { timeZone } = schedule
  switch (schedule.kind) {
    case 'every':
      return everyMinutes(schedule)
    case 'daily':
      return onDays(schedule.at, timeZone, () => true)
    case 'weekdays':
      return onDays(schedule.at, timeZone, (midnight) => weekdayOf(midnight) < 5)
    case 'weekly': {
      const wanted = new Set(schedule.days.map((name) => weekdays.indexOf(name)))
      if (wanted.size === 0) throw new PolicyError('SCHEDULE_INVALID', { reason: 'it names no day of the week' })
      return onDays(schedule.at, timeZone, (midnight) => wanted.has(weekdayOf(midnight)))
    }
    case 'monthly': {
      const wanted = dayOfMonth(schedule)
      return onDays(schedule.at, timeZone, (midnight) => isDayOfMonth(midnight, wanted))
    }
    case 'cron':
      return byCron(schedule)
  }
}

function everyMinutes({ minutes, from = '00:00', timeZone }: EverySchedule): (after: number) => number {
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > 1440) {
    throw new PolicyError('SCHEDULE_INVALID', { reason: `every ${minutes} minutes is not between 1 and 1440` })
  }
  const anchor = parseTimeOfDay(from) * minute
  const anchorOf = (midnight: number) => instantOf(midnight + anchor, timeZone)
  return (after) => {
    const midnight = midnightOf(wallAt(after, timeZone))
    const today = anchorOf(midnight)
    const begin = today <= after ? today : anchorOf(midnight - day)
    const anew = [today, anchorOf(midnight + day)].find((instant) => instant > after)
    const step = minutes * minute
    const next = begin + (Math.floor((after - begin) / step) + 1) * step
    return Math.min(next, anew ?? next)
  }
}

/** The longest that two of a schedule's days lie apart, and some: a month. */
const mostDaysApart = 40

function onDays(
  at: readonly string[],
  timeZone: string,
  isWanted: (midnight: number) => boolean,
): (after: number) => number | undefined {
  if (at.length === 0) throw new PolicyError('SCHEDULE_INVALID', { reason: 'it names no time of day' })
  const times = at.map((text) => parseTimeOfDay(text) * minute)
  return (after) => {
    const today = midnightOf(wallAt(after, timeZone))
    for (let days = -1; days <= mostDaysApart; days++) {
      const midnight = today + days * day
      if (!isWanted(midnight)) continue
      const later = times.map((time) => instantOf(midnight + time, timeZone)).filter((instant) => instant > after)
      if (later.length > 0) return Math.min(...later)
    }
    return undefined
  }
}

function byCron({ expression, timeZone }: CronSchedule): (after: number) => number | undefined {
  const cron = parseCron(expression, timeZone)
  return (after) => cron.nextRun(new Date(after))?.getTime()
}

function parseCron(expression: string, timeZone: string): Cron {
  try {
    return new Cron(expression, { timezone: timeZone, mode: '5-part', paused: true } as const)
  } catch (cause) {
    const reason = `"${expression}" is no cron expression of five fields (${messageOf(cause)})`
    throw new PolicyError('SCHEDULE_INVALID', { reason, cause })
  }
}

function dayOfMonth({ day: wanted }: MonthlySchedule): number {
  if (wanted === 'last') return 31
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= 31) return wanted
  throw new PolicyError('SCHEDULE_INVALID', { reason: `no month has a day ${wanted}` })
}

function isDayOfMonth(midnight: number, wanted: number): boolean {
  const date = new Date(midnight)
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  return date.getUTCDate() === Math.min(wanted, last)
}

function midnightOf(wall: number): number {
  return Math.floor(wall / day) * day
}

/** 0 is Monday. */
function weekdayOf(wall: number): number {
  return (((Math.floor(wall / day) + 3) % 7) + 7) % 7
}

/** A machine's place in a spread, from 0 up to but not 1: always the same one, and evenly spread over machines (FNV-1a). */
function placeOf(machine: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(machine)) hash = Math.imul(hash ^ byte, 0x01000193)
  // The last bytes reach the high bits of FNV too little: ids that differ in one digit would lie side by side.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
