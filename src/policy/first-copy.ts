import { formatBytes, formatRate, formatSpan } from '#base'
import { isMarked, mapOfWeek, nextChange } from './hours.ts'
import { limitAt, type Limits, type Rest } from './limits.ts'
import type { Planner } from './schedule.ts'
import { day, formatInstant } from './zone.ts'

/** What the first copy of a machine depends on. */
export interface FirstCopy {
  readonly now: number
  readonly timeZone: string
  /** What will go over the line: after leaving out, without what is already there. */
  readonly bytes: number
  /** What the line was measured to carry towards the repository, bytes per second; undefined when nobody measured it. */
  readonly lineRate: number | undefined
  readonly limits: Limits
  readonly rest: Rest
  /** The other way: a disk that is written here, carried over and read there. Absent when there is none. */
  readonly disk?: DiskTravel | undefined
}

export interface DiskTravel {
  /** Measured, bytes per second. */
  readonly writeRate: number
  /** Measured, bytes per second. */
  readonly readRate: number
  /** Milliseconds on the way. */
  readonly travel: number
}

export interface FirstCopyEstimate {
  /** When it will have begun and be done over the line; undefined when that cannot be said, or is years away. */
  readonly line: { readonly begin: number; readonly done: number } | undefined
  /** When it will be done by disk, begun now. */
  readonly disk: { readonly done: number } | undefined
  /** Undefined when neither is known. */
  readonly faster: 'line' | 'disk' | undefined
  readonly because: readonly string[]
}

/** Beyond this a line is no way for a first copy. */
const longest = 3 * 365 * day

/**
 * Estimates when the first copy will be done: over the line with its limits and hours of rest, and by disk. Hours in which no
 * run may start only put off the beginning: a copy that has begun goes on, under the limits of the hour.
 */
export function estimateFirstCopy(copy: FirstCopy, planner: Pick<Planner, 'nextStart'>): FirstCopyEstimate {
  const line = overLine(copy, planner)
  const disk = byDisk(copy)
  const faster = fasterOf(line, disk)
  return { line, disk, faster, because: [lineSentence(copy, line), ...diskSentences(copy, { line, disk })] }
}

function overLine(copy: FirstCopy, planner: Pick<Planner, 'nextStart'>): FirstCopyEstimate['line'] {
  const { now, lineRate, bytes } = copy
  const begin = planner.nextStart(now)
  if (begin === undefined || lineRate === undefined || lineRate <= 0) return undefined
  let left = bytes
  for (let at = begin; at - begin < longest;) {
    const { rate, until } = usableAt(copy, { at, lineRate })
    const done = rate > 0 ? at + (left / rate) * 1000 : Infinity
    if (done <= until) return done - begin <= longest ? { begin, done: Math.ceil(done) } : undefined
    left -= (rate * (until - at)) / 1000
    at = until
  }
  return undefined
}

/** Bytes per second from `at` until something changes. */
function usableAt({ limits, rest, timeZone }: FirstCopy, { at, lineRate }: { at: number; lineRate: number }) {
  const limit = limitAt(limits, at, timeZone)
  const restHours = mapOfWeek(rest.hours ?? [])
  const until = Math.min(limit.until ?? Infinity, nextChange(restHours, at, timeZone) ?? Infinity)
  const rate = isMarked(restHours, at, timeZone) ? 0 : Math.min(lineRate, (limit.upload ?? Infinity) * 1024)
  return { rate, until }
}

function byDisk({ disk, bytes, now }: FirstCopy): FirstCopyEstimate['disk'] {
  if (disk === undefined || disk.writeRate <= 0 || disk.readRate <= 0) return undefined
  const copying = (bytes / disk.writeRate + bytes / disk.readRate) * 1000
  return { done: Math.ceil(now + copying + disk.travel) }
}

type Ways = Pick<FirstCopyEstimate, 'line' | 'disk'>

function fasterOf(line: Ways['line'], disk: Ways['disk']): FirstCopyEstimate['faster'] {
  if (line === undefined) return disk && 'disk'
  return disk !== undefined && disk.done < line.done ? 'disk' : 'line'
}

function lineSentence({ bytes, lineRate, now, timeZone }: FirstCopy, line: Ways['line']): string {
  if (lineRate === undefined) return 'How long it takes over the line can not be said: the line was not measured.'
  const what = `${formatBytes(bytes)} over a line measured at ${formatRate(lineRate, 1)}`
  if (line === undefined) return `${what} are not done within 3 years, with these limits and hours.`
  return `${what} are done in ${formatSpan(line.done - now)}, on ${formatInstant(line.done, timeZone)}, with the limits and hours of the policy.`
}

function diskSentences({ disk: travel, now }: FirstCopy, { line, disk }: Ways): string[] {
  if (travel === undefined || disk === undefined) return []
  const took = `By disk it is done in ${formatSpan(disk.done - now)}, of which ${formatSpan(travel.travel)} are the way.`
  const faster = fasterOf(line, disk) === 'disk' ? 'By disk is faster.' : 'The line is faster.'
  return [took, faster]
}
