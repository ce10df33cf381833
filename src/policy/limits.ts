import { isMarked, mapOfWeek, nextChange, type Hours } from './hours.ts'
import { formatInstant } from './zone.ts'

/** How much of a line may be used, in KiB per second, as restic's `--limit-upload` has it. 0 is a pause; absent is no limit. */
export interface Rates {
  readonly upload?: number
  readonly download?: number
}

/** Limits by the hours of the week: telephone calls in the office must not suffer. Where several hold, the lowest counts. */
export interface Limits extends Rates {
  readonly hours?: readonly (Hours & Rates)[]
}

export interface LimitNow extends Rates {
  /** When other limits hold, by the hours; undefined when they never change. */
  readonly until: number | undefined
}

/** The limits that hold at `instant`, by the wall clock of `timeZone`. */
export function limitAt({ hours = [], ...always }: Limits, instant: number, timeZone: string): LimitNow {
  const weeks = hours.map((each) => ({ rates: each, week: mapOfWeek([each]) }))
  const holding = weeks.filter(({ week }) => isMarked(week, instant, timeZone)).map(({ rates }) => rates)
  const changes = weeks.map(({ week }) => nextChange(week, instant, timeZone)).filter((change) => change !== undefined)
  return {
    ...lowest('upload', [always, ...holding]),
    ...lowest('download', [always, ...holding]),
    until: changes.length === 0 ? undefined : Math.min(...changes),
  }
}

function lowest<Direction extends keyof Rates>(direction: Direction, rates: readonly Rates[]): Rates {
  const set = rates.map((each) => each[direction]).filter((rate) => rate !== undefined)
  return set.length === 0 ? {} : { [direction]: Math.min(...set) }
}

/** When a machine rests from backups, though one is due. */
export interface Rest {
  /** Per cent, on battery: below it the machine rests; 100 is whenever it is on battery. */
  readonly batteryBelow?: number
  /** On lines that are paid for by what goes over them. */
  readonly onMeteredLine?: boolean
  /** Meetings, shifts, the hours of a shop. */
  readonly hours?: readonly Hours[]
}

/** What the machine can tell about itself; what it cannot tell is no reason to rest. */
export interface PowerAndLine {
  /** Absent on mains, and where there is no battery. */
  readonly batteryPercent?: number | undefined
  readonly meteredLine?: boolean | undefined
}

export interface Resting {
  /** When it ends by itself; undefined when it takes mains power or another line. */
  readonly until: number | undefined
  readonly because: string
}

export interface RestQuestion extends PowerAndLine {
  readonly now: number
  readonly timeZone: string
}

/** Why the machine rests now; undefined when it need not. Resting is no excuse for ever: the run stays due, and late. */
export function restNow(rest: Rest, { now, timeZone, batteryPercent, meteredLine }: RestQuestion): Resting | undefined {
  const { batteryBelow, onMeteredLine = false, hours = [] } = rest
  if (batteryBelow !== undefined && batteryPercent !== undefined && isBelow(batteryPercent, batteryBelow)) {
    const limit = batteryBelow >= 100 ? 'backups wait for mains power' : `backups wait below ${batteryBelow} %`
    return { until: undefined, because: `The machine runs on its battery, at ${batteryPercent} %: ${limit}.` }
  }
  if (onMeteredLine && meteredLine === true) {
    return { until: undefined, because: 'The line is paid for by use: backups wait for another one.' }
  }
  const week = mapOfWeek(hours)
  if (!isMarked(week, now, timeZone)) return undefined
  const until = nextChange(week, now, timeZone)
  const end = until === undefined ? 'which never end' : `which end at ${formatInstant(until, timeZone)}`
  return { until, because: `These are hours of rest, ${end}.` }
}

function isBelow(charge: number, limit: number): boolean {
  return limit >= 100 || charge < limit
}
