import { formatSpan } from '#base'
import { plannedIn, planSchedule, type Planner, type PlannerOptions, type Schedule, type Span } from './schedule.ts'
import { day, formatInstant, hour, minute } from './zone.ts'

/** What a machine knows when it asks whether a run is due. Instants are milliseconds since 1970, by its own wall clock of then. */
export interface RunSituation {
  readonly now: number
  /** When the policy came into force on the machine: runs planned before were nobody's. */
  readonly since: number
  /** Start of the last run. */
  readonly lastStarted?: number | undefined
  /** Its end, well or badly; absent while it runs, and for ever when power or a kill cut it off. */
  readonly lastFinished?: number | undefined
  readonly running?: boolean | undefined
  /**
   * Milliseconds since the last start (since `since` before the first) by a clock that nobody can set. It may stand still
   * while the machine sleeps. Absent when the program was restarted in between.
   */
  readonly elapsed?: number | undefined
}

/** Planned runs that were never started, or not yet. */
export interface MissedRuns {
  /** Never above `mostCounted`: then there were at least so many. */
  readonly count: number
  readonly first: number
  readonly last: number
}

export interface RunNow {
  readonly do: 'run'
  /** The planned run that this one is. */
  readonly planned: number
  /** Milliseconds after it. */
  readonly late: number
  /** Planned before it and not run: report them; they will not be made up for. */
  readonly missed: MissedRuns | undefined
  readonly because: string
}

export interface WaitForRun {
  readonly do: 'wait'
  /** Nothing can become due earlier, by the wall clock; undefined when that depends on the run that is under way, or never. */
  readonly until: number | undefined
  /** Planned runs that are past and not yet run: when waiting ends the last of them is run and the others are missed. */
  readonly open: MissedRuns | undefined
  readonly because: string
}

/** More missed runs than this are not told apart: a clock that was set forward by years brings millions. */
export const mostCounted = 1000

/** Clocks are corrected by seconds all the time. A step back that is no larger only delays the next run. */
const smallStep = 5 * minute

/** A run that was cut off is made again, but a machine that dies in every run must not do so without pause. */
const retryAfter = 10 * minute

/**
 * Decides whether a run is due. Each planned run is started, reported as missed, or still to come: exactly one of them, as
 * long as nobody sets the clock back. After sleep, or with the clock set forward, everything that was left out counts
 * as one run that is late and others that were missed: one run catches up. With the clock set back by more than a few
 * minutes, planned runs of the time that comes again are run again, for a gap in the backups would be the other choice.
 *
 * Ask again at every event and at least once a minute: `until` is by a wall clock that may be set.
 *
 * @throws PolicyError when no schedule can be made of `schedule`
 */
export function dueRun(schedule: Schedule, situation: RunSituation, options: PlannerOptions = {}): RunNow | WaitForRun {
  const { now, running = false } = situation
  const planner = planSchedule(schedule, options)
  const settled = settledUntil(planner, situation)
  const due = openRuns(planner, { after: settled, until: now }) ?? cutOffRun(planner, { ...situation, settled })
  const words = wordsOf(schedule)
  if (running) return { do: 'wait', until: undefined, open: due?.runs, because: 'The last run is still under way.' }
  if (due === undefined) return wait(planner.next(Math.max(now, settled)), words.next)
  if (due.notBefore > now) return wait(due.notBefore, words.retry, due.runs)
  if (!planner.mayStart(now)) return wait(planner.nextStart(now), words.hours, due.runs)
  return {
    do: 'run',
    planned: due.runs.last,
    late: now - due.runs.last,
    missed: due.missed,
    because: words.run(due.runs.last, now),
  }
}

/** Runs that are due: the last one will be run, those before it are missed. */
interface Due {
  readonly runs: MissedRuns
  readonly missed: MissedRuns | undefined
  readonly notBefore: number
}

/**
 * Up to here nothing is left to run: the start of the last run, by the clock as it is set now.
 *
 * When the clock was set back, the last start lies in a future that will come again, and trusting it would stop all
 * backups until then. How long ago the start really was, `elapsed` tells.
 */
function settledUntil(planner: Planner, { now, since, lastStarted = since, elapsed }: RunSituation): number {
  const started = elapsed === undefined ? now : now - elapsed
  if (lastStarted - started <= smallStep) return lastStarted
  if (elapsed !== undefined) return started
  // Nobody knows how long ago it was. What the clock says was the last planned run is made: one too many at worst.
  return (latestPlanned(planner, now) ?? now) - 1
}

function openRuns(planner: Planner, span: Span): Due | undefined {
  let runs: MissedRuns | undefined
  let missed: MissedRuns | undefined
  for (const planned of plannedIn(planner, span)) {
    missed = runs
    runs = { count: (runs?.count ?? 0) + 1, first: runs?.first ?? planned, last: planned }
    if (runs.count < mostCounted) continue
    const last = latestPlanned(planner, span.until) ?? planned
    return {
      runs: { ...runs, last },
      missed: { ...runs, last: latestPlanned(planner, last - 1) ?? planned },
      notBefore: 0,
    }
  }
  return runs && { runs, missed, notBefore: 0 }
}

/** The run that began and never came to its end, with nobody working on it: it counts as not run. */
function cutOffRun(
  planner: Planner,
  { lastStarted, lastFinished, settled }: RunSituation & { readonly settled: number },
): Due | undefined {
  if (lastStarted === undefined || lastFinished !== undefined) return undefined
  const planned = latestPlanned(planner, settled) ?? settled
  return { runs: { count: 1, first: planned, last: planned }, missed: undefined, notBefore: settled + retryAfter }
}

/** The last planned run up to `instant`; looked for in ever longer spans, so that frequent runs are not all gone through. */
function latestPlanned(planner: Planner, instant: number): number | undefined {
  for (let span = hour; span < 20 * 365 * day; span *= 2) {
    let latest: number | undefined
    for (const planned of plannedIn(planner, { after: instant - span, until: instant })) latest = planned
    if (latest !== undefined) return latest
  }
  return undefined
}

function wait(until: number | undefined, words: (until: number | undefined) => string, open?: MissedRuns): WaitForRun {
  return { do: 'wait', until, open, because: words(until) }
}

function wordsOf({ timeZone }: Schedule) {
  const show = (instant: number | undefined) => (instant === undefined ? 'never' : formatInstant(instant, timeZone))
  return {
    next: (until: number | undefined) => `The next run is planned for ${show(until)}.`,
    retry: (until: number | undefined) => `The last run was cut off; it is made again at ${show(until)}.`,
    hours: (until: number | undefined) => `A run is due and may start at ${show(until)}, when its hours begin.`,
    run: (planned: number, now: number) => {
      const late = now - planned
      return late <= smallStep
        ? `It was planned for ${show(planned)}.`
        : `It was planned for ${show(planned)}, ${formatSpan(late)} ago, and is caught up.`
    },
  }
}
