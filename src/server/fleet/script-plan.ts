import type { ScriptOrder } from '#protocol'

/**
 * When runs of a machine with a script for stock restic are due. The schedule goes by the machine's own clock, in a time zone
 * that nobody has told the server, and only the end of a run is seen.
 */

export interface ScriptPlan {
  /** Milliseconds between two planned runs, the longest where they differ. */
  readonly every: number
  /** By when the runs that follow have ended, oldest first, in milliseconds since 1970: never too early, in any time zone. */
  readonly planned: readonly number[]
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** How long a run may take, with the minutes by which schedulers spread their starts. */
const longestRun = 3 * hour
/**
 * Minutes by which wall clocks may be ahead of UTC; all are at quarters of an hour. Less than a day in all: at -10:00 a clock
 * shows what it shows at +14:00, a day earlier, so that one of both has to be left out. The few there are further west have
 * their runs a little later than this, within what a run may take.
 */
const zones = { first: -9 * 60 - 45, last: 14 * 60, step: 15 } as const

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const

/**
 * @param from when the last run ended, or since when runs are expected, in milliseconds since 1970
 * @param count how many of those that follow are wanted
 */
export function planOfScript(schedule: ScriptOrder['schedule'], from: number, count: number): ScriptPlan {
  const { at: first, ahead } = latestNext(schedule, from)
  const runs = [first]
  // All of a week, whatever is wanted: its longest gap counts.
  const wanted = Math.max(count, weekdays.length + 1)
  for (let run = first; runs.length < wanted; runs.push(run)) run = nextIn(schedule, run, ahead)
  const gaps = runs.slice(1).map((run, index) => run - (runs[index] ?? run))
  return { every: Math.max(...gaps), planned: runs.slice(0, count).map((run) => run + longestRun) }
}

/** The next run in that time zone in which it comes last: the machine may be there. */
function latestNext(schedule: ScriptOrder['schedule'], from: number): { readonly at: number; readonly ahead: number } {
  let latest = { at: -Infinity, ahead: 0 }
  for (let minutes: number = zones.first; minutes <= zones.last; minutes += zones.step) {
    const ahead = minutes * minute
    const at = nextIn(schedule, from, ahead)
    if (at > latest.at) latest = { at, ahead }
  }
  return latest
}

/** The first run after `after` where wall clocks are `ahead` of UTC. */
function nextIn({ hour: hours, minute: minutes, days }: ScriptOrder['schedule'], after: number, ahead: number): number {
  const midnight = Math.floor((after + ahead) / day) * day
  for (let at = midnight + hours * hour + minutes * minute; ; at += day) {
    if (at - ahead > after && isOn(days, at)) {
      return at - ahead
    }
  }
}

/** Whether a schedule has a run on the day of this wall time; every day, if it names none. */
function isOn(days: ScriptOrder['schedule']['days'], wall: number): boolean {
  const today = weekdays[new Date(wall).getUTCDay()]
  return days === undefined || days.some((one) => one === today)
}
