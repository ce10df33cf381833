import type { RestoreEvidence, Route } from './evidence.ts'

/** What one measured restore says of a task: seconds, with its age and size allowed for. */
export interface Pace {
  readonly evidence: RestoreEvidence
  readonly low: number
  readonly middle: number
  readonly high: number
  /** The most favourable reading, with nothing allowed for. */
  readonly least: number
  /** How many times longer one reading of it is than the other. */
  readonly unlike: number
  /** From 1 (new) to 1.5 (about to expire, or expired). */
  readonly aged: number
}

export interface Paces {
  /** What the forecast is made of: newest first. */
  readonly base: readonly Pace[]
  /** Whether that was measured on this way, or in other places only. */
  readonly here: boolean
  /** How many measurements on this way still hold. */
  readonly current: number
  /** What no longer holds, or says less than the base: it can make the forecast worse, never better. Newest first. */
  readonly older: readonly Pace[]
}

interface Task extends Route {
  readonly bytes: number
  readonly files: number
}

/** So many of each scope count; a newer one replaces the oldest. */
const newestCount = { whole: 3, sample: 5 } as const

/** Chooses among all measured restores those that a forecast is made of: whole ones before samples, this way before others. */
export function choosePaces(task: Task, restores: readonly RestoreEvidence[], now: number): Paces {
  const usable = restores.filter(({ at, values }) => at <= now && saysSomething(values, task))
  const isHere = ({ values }: RestoreEvidence) => values.copy === task.copy && values.machine === task.machine
  const holds = ({ holdsUntil }: RestoreEvidence) => now < holdsUntil
  const here = newestOf(usable.filter(isHere))
  const current = here.filter(holds)
  const isHereToday = current.length > 0
  const considered = isHereToday ? here : [...here, ...newestOf(usable.filter((each) => !isHere(each)))]
  const base = wholeFirst(considered.filter(holds))
  // A sample beside whole restores counts only where no reading of it is as fast as they are.
  const isOutdone = (each: RestoreEvidence) =>
    each.values.scope === 'sample' && base[0]?.values.scope === 'whole' && (isHereToday || holds(each))
  const pace = (evidence: RestoreEvidence) => paceOf(evidence, task, now)
  const older = considered.filter((each) => !base.includes(each))
  return {
    base: base.map(pace),
    here: isHereToday,
    current: current.length,
    older: older.map((each) => (isOutdone(each) ? { ...pace(each), high: pace(each).least } : pace(each))),
  }
}

function saysSomething({ bytes, files, seconds }: RestoreEvidence['values'], task: Task): boolean {
  return seconds > 0 && (bytes > 0 || task.bytes === 0) && (files > 0 || task.files === 0)
}

function newestOf(restores: readonly RestoreEvidence[]): RestoreEvidence[] {
  const newestFirst = restores.toSorted((one, other) => other.at - one.at)
  const left: { whole: number; sample: number } = { ...newestCount }
  return newestFirst.filter(({ values: { scope } }) => left[scope]-- > 0)
}

function wholeFirst(restores: readonly RestoreEvidence[]): readonly RestoreEvidence[] {
  const whole = restores.filter(({ values }) => values.scope === 'whole')
  return whole.length > 0 ? whole : restores
}

function paceOf(evidence: RestoreEvidence, task: Task, now: number): Pace {
  const { values, at, holdsUntil } = evidence
  const byBytes = scaled(values.seconds, values.bytes, task.bytes)
  const byFiles = scaled(values.seconds, values.files, task.files)
  const [low, high] = [Math.min(byBytes, byFiles), Math.max(byBytes, byFiles)]
  const aged = 1 + 0.5 * Math.min(1, (now - at) / Math.max(1, holdsUntil - at))
  const width = aged * smallness(values, task)
  return {
    evidence,
    low: low / width,
    middle: Math.sqrt(low * high),
    high: high * width,
    least: low,
    unlike: low > 0 ? high / low : 1,
    aged,
  }
}

function scaled(seconds: number, measured: number, wanted: number): number {
  return wanted === 0 ? 0 : (seconds * wanted) / measured
}

/** A tenth of everything tells a little less than everything, a thousandth clearly less: up to twice as wide. */
function smallness({ bytes, files }: RestoreEvidence['values'], task: Task): number {
  const share = Math.min(1, Math.max(bytes / Math.max(1, task.bytes), files / Math.max(1, task.files)))
  return Math.min(2, 1 - 0.25 * Math.log10(Math.max(share, 1e-6)))
}
