import { formatDurationUnits, isZero, type CalendarDuration } from './duration.ts'
import { PolicyError } from './errors.ts'
import { hasTags, newestFirst, type PolicySnapshot, type TimedSnapshot } from './snapshot.ts'
import { calendarBuckets, goBack, type LocalTime } from './time.ts'

/** The calendar units that snapshots can be kept by. */
export type Period = keyof typeof calendarBuckets

const periods = Object.keys(calendarBuckets) as Period[]

/** How many to keep: a whole number from 0, or `unlimited`. */
export type KeepCount = number | 'unlimited'

/** Which snapshots to keep, as restic's `--keep-*` options say it. A snapshot that one of them keeps is kept. */
export interface RetentionPolicy {
  /** The newest so many. */
  readonly last?: KeepCount
  /** The newest snapshot of each of the newest so many hours, days, … that have one. */
  readonly counts?: Readonly<Partial<Record<Period, KeepCount>>>
  /** Everything newer than this, counted from the newest snapshot. */
  readonly within?: CalendarDuration
  /** The newest of each hour, day, … , as far back as this, counted from the newest snapshot. */
  readonly periodsWithin?: Readonly<Partial<Record<Period, CalendarDuration>>>
  /** Everything that has all tags of one of these lists. */
  readonly tags?: readonly (readonly string[])[]
}

/** A snapshot that is kept, and why: in restic's words, in restic's order. */
export interface Kept<Snapshot extends PolicySnapshot> {
  readonly snapshot: Snapshot
  readonly matches: readonly string[]
}

export interface RetentionResult<Snapshot extends PolicySnapshot> {
  readonly keep: readonly Kept<Snapshot>[]
  readonly remove: readonly Snapshot[]
}

/** Reads the number of a `--keep-*` option. */
export function parseKeepCount(text: string): KeepCount {
  if (text === 'unlimited') return 'unlimited'
  const count = /^\+?\d+$/.test(text) ? Number(text) : NaN
  if (!Number.isSafeInteger(count)) throw new PolicyError('POLICY_COUNT_INVALID', { text })
  return count
}

/** True when the policy keeps nothing by itself: then it must not be applied. */
export function isEmptyPolicy({ last, counts, within, periodsWithin, tags }: RetentionPolicy): boolean {
  const allCounts = [last, ...Object.values(counts ?? {})]
  const allDurations = [within, ...Object.values(periodsWithin ?? {})]
  return (
    allCounts.every((count) => count === undefined || count === 0) &&
    allDurations.every((duration) => duration === undefined || isZero(duration)) &&
    (tags ?? []).length === 0
  )
}

/**
 * Applies a policy to the snapshots of one group, exactly as restic does; both lists come newest first.
 *
 * @param now milliseconds since 1970: a snapshot from the future is not the newest one that durations are counted from
 */
export function applyPolicy<Snapshot extends PolicySnapshot>(
  snapshots: readonly Snapshot[],
  policy: RetentionPolicy,
  now: number,
): RetentionResult<Snapshot> {
  const ordered = newestFirst(snapshots)
  const rules = rulesOf(policy, newestByNow(ordered, now))
  const keep: Kept<Snapshot>[] = []
  const remove: Snapshot[] = []
  for (const [at, timed] of ordered.entries()) {
    const place = { at, oldest: at === ordered.length - 1 }
    const matches = rules.flatMap((rule) => rule(timed, place))
    if (matches.length > 0) keep.push({ snapshot: timed.snapshot, matches })
    else remove.push(timed.snapshot)
  }
  return { keep, remove }
}

/** Asked for each snapshot, newest first, and remembering what it has kept: the reasons to keep this one. */
type Rule = (timed: TimedSnapshot<PolicySnapshot>, place: Place) => readonly string[]

interface Place {
  /** 0 is the newest. */
  readonly at: number
  readonly oldest: boolean
}

function rulesOf(policy: RetentionPolicy, newest: LocalTime | undefined): Rule[] {
  const counted = periods.map((period) => countRule(period, policy.counts?.[period], calendarBuckets[period]))
  const within = periods.map((period) => periodWithinRule(period, policy.periodsWithin?.[period], newest))
  return [
    ...(policy.tags ?? []).map(tagRule),
    withinRule(policy.within, newest),
    countRule('last', policy.last, (_, { at }) => at),
    ...counted,
    ...within,
  ]
}

const keepsNothing: Rule = () => []

function tagRule(tags: readonly string[]): Rule {
  return ({ snapshot }) => (hasTags(snapshot, tags) ? [`has tags [${tags.join(', ')}]`] : [])
}

function withinRule(duration: CalendarDuration | undefined, newest: LocalTime | undefined): Rule {
  if (duration === undefined || isZero(duration)) return keepsNothing
  const isWithin = newerThan(duration, newest)
  return ({ time }) => (isWithin(time) ? [`within ${formatDurationUnits(duration)}`] : [])
}

/** Keeps the newest snapshot of each bucket until the count is used up. */
function countRule(
  name: Period | 'last',
  count: KeepCount = 0,
  bucketOf: (time: LocalTime, place: Place) => number,
): Rule {
  let left = count === 'unlimited' ? Infinity : count
  const choose = newestOfBucket()
  return ({ time }, place) => {
    if (left === 0) return []
    const chosen = choose(bucketOf(time, place), place)
    if (chosen === undefined) return []
    left--
    return [`${chosen}${name} snapshot`]
  }
}

/** Keeps the newest snapshot of each bucket, as far back as `duration` reaches. */
function periodWithinRule(period: Period, duration: CalendarDuration | undefined, newest: LocalTime | undefined): Rule {
  if (duration === undefined || isZero(duration)) return keepsNothing
  const isWithin = newerThan(duration, newest)
  const choose = newestOfBucket()
  return ({ time }, place) => {
    const chosen = isWithin(time) ? choose(calendarBuckets[period](time), place) : undefined
    return chosen === undefined ? [] : [`${chosen}${period} within ${formatDurationUnits(duration)}`]
  }
}

/**
 * Tells for one bucket after the other whether it begins here. The oldest snapshot of all is taken too where there is room
 * for it, so that the history reaches back as far as it can; the answer is the word for that, or nothing.
 */
function newestOfBucket(): (bucket: number, place: Place) => '' | 'oldest ' | undefined {
  let previous: number | undefined
  return (bucket, { oldest }) => {
    const begins = bucket !== previous
    previous = bucket
    if (begins) return ''
    return oldest ? 'oldest ' : undefined
  }
}

function newerThan(duration: CalendarDuration, newest: LocalTime | undefined): (time: LocalTime) => boolean {
  const limit = newest && goBack(newest, duration)
  // With nothing to count from, or a duration longer than any calendar, everything counts as new: keeping is safe.
  return ({ instant }) => limit === undefined || instant > limit
}

/** The time of the newest snapshot that is not in the future. */
function newestByNow(ordered: readonly TimedSnapshot<PolicySnapshot>[], now: number): LocalTime | undefined {
  return ordered.find(({ time }) => !isFuture(time, now))?.time
}

/** True when the snapshot's time has not come yet: its clock, or ours, was wrong. */
export function isFuture({ instant }: LocalTime, now: number): boolean {
  return instant >= BigInt(Math.trunc(now)) * 1_000_000n
}
