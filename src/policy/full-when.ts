import { formatBytes, formatCount, median, quantile } from '#base'
import { day, formatInstant } from './zone.ts'

/** How full a storage was at one moment. */
export interface UsedAt {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Bytes. */
  readonly used: number
}

export interface FullWhenQuestion {
  readonly now: number
  /** Bytes that it holds, today. */
  readonly capacity: number
  readonly timeZone: string
}

/**
 * When a storage will be full. Instants are milliseconds since 1970. `never` is: not within five years, as it goes today.
 */
export type FullWhen =
  | { readonly answer: 'full'; readonly because: string }
  | {
      readonly answer: 'date'
      readonly date: number
      /** The quick and the slow half of what was seen; `latest` is undefined when it may as well never be. */
      readonly earliest: number
      readonly latest: number | undefined
      readonly bytesPerDay: number
      readonly because: string
    }
  | { readonly answer: 'never'; readonly because: string }
  | { readonly answer: 'cannot say'; readonly because: string }

const fewestPoints = 5
const shortestSpan = 3 * day
const mostYears = 5

/** How it was filled longer ago says little of today. */
const longestSpan = 180 * day

/** Every pair of points gives a slope, so points are thinned before; a few hundred tell as much as thousands. */
const mostPoints = 200

/**
 * Says when a storage will be full, from how full it was. Each prune makes a tooth: between prunes it fills, and the tops of
 * the teeth are what must fit. With three tops the line through them counts; with fewer, or when nothing is pruned any
 * more, how it fills between prunes, which is too early rather than too late. The slope is the median of all pairs (Theil and Sen), which single
 * days do not move.
 *
 * @param series in any order
 */
export function fullWhen(series: readonly UsedAt[], { now, capacity, timeZone }: FullWhenQuestion): FullWhen {
  // A clock that was wrong makes points of the future; they say nothing.
  const recent = series.filter(({ at }) => at <= now && at > now - longestSpan)
  const points = recent.toSorted((one, other) => one.at - other.at)
  const last = points.at(-1)
  if (last !== undefined && last.used >= capacity) return { answer: 'full', because: 'It is full now.' }
  if (last === undefined || points.length < fewestPoints || last.at - (points[0] as UsedAt).at < shortestSpan) {
    const because = `That can not be said yet: it takes ${fewestPoints} measurements over ${shortestSpan / day} days.`
    return { answer: 'cannot say', because }
  }
  if (now - last.at > 7 * day) {
    return { answer: 'cannot say', because: 'That can not be said: it was not measured for more than a week.' }
  }
  return project(trendOf(points), { now, capacity, timeZone })
}

interface Trend {
  readonly line: readonly UsedAt[]
  /** Bytes that the trend goes on from now. */
  readonly level: number
  readonly basis: string
}

/** The points whose trend counts. */
function trendOf(points: readonly UsedAt[]): Trend {
  const teeth = divideAtPrunes(points)
  const current = teeth.at(-1) ?? []
  const level = current.at(-1)?.used ?? 0
  if (teeth.length === 1) return { line: thin(points), level, basis: `by ${formatCount(points.length, 'measurement')}` }
  // The tooth that still grows has no top yet.
  const tops = thin(teeth.slice(0, -1).flatMap((tooth) => tooth.slice(-1)))
  const highest = levelOf(tops, points.at(-1)?.at ?? 0)
  // Far above the tops, nothing is pruned any more.
  if (tops.length >= 3 && level <= highest * 1.05) {
    return { line: tops, level: highest, basis: `by the tops before the last ${tops.length} prunes` }
  }
  const longest = teeth.reduce((one, other) => (other.length > one.length ? other : one))
  return { line: thin(longest), level, basis: 'by how it fills between prunes, so rather too early' }
}

/** A fall by more than a fiftieth is a prune; less is noise. */
function divideAtPrunes(points: readonly UsedAt[]): UsedAt[][] {
  const teeth: UsedAt[][] = []
  for (const [at, point] of points.entries()) {
    const before = points[at - 1]
    if (before === undefined || point.used < before.used * 0.98) teeth.push([])
    teeth.at(-1)?.push(point)
  }
  return teeth
}

function project({ line, level, basis }: Trend, { now, capacity, timeZone }: FullWhenQuestion): FullWhen {
  const slopes = slopesOf(line)
  const [slow, usual, quick] = [0.25, 0.5, 0.75].map((part) => quantile(slopes, part)) as [number, number, number]
  if (line.length < 3) return { answer: 'cannot say', because: 'That can not be said yet: it was pruned too lately.' }
  const fullAt = (slope: number) => (slope > 0 ? now + Math.max(0, capacity - level) / slope : Infinity)
  const horizon = now + mostYears * 365 * day
  const bytesPerDay = usual * day
  const pace = `It fills by ${formatBytes(Math.round(bytesPerDay))} a day`
  if (fullAt(quick) > horizon || usual <= 0) {
    const because =
      usual <= 0 ? `It is not filling, ${basis}.` : `${pace}: not full within ${mostYears} years, ${basis}.`
    return { answer: 'never', because }
  }
  if (slow <= 0) return { answer: 'cannot say', because: `That can not be said: it goes up and down, ${basis}.` }
  const date = fullAt(usual)
  if (date > horizon) return { answer: 'never', because: `${pace}: not full within ${mostYears} years, ${basis}.` }
  const latest = fullAt(slow)
  return {
    answer: 'date',
    date,
    earliest: fullAt(quick),
    latest: latest > horizon ? undefined : latest,
    bytesPerDay,
    because: `${pace} and will be full about ${formatInstant(date, timeZone).slice(0, 10)}, ${basis}.`,
  }
}

/** Bytes per millisecond between all pairs of points. */
function slopesOf(points: readonly UsedAt[]): number[] {
  return points.flatMap((one, at) =>
    points
      .slice(at + 1)
      .filter((other) => other.at > one.at)
      .map((other) => (other.used - one.used) / (other.at - one.at)),
  )
}

/** Where the line through the points is at an instant. */
function levelOf(points: readonly UsedAt[], instant: number): number {
  const slope = median(slopesOf(points)) ?? 0
  return median(points.map(({ at, used }) => used + slope * (instant - at))) ?? 0
}

function thin(points: readonly UsedAt[]): UsedAt[] {
  const step = Math.ceil(points.length / mostPoints)
  return points.filter((_, at) => (points.length - 1 - at) % step === 0)
}
