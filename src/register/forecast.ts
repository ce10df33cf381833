import { formatBytes, formatCount, formatRate, formatShare, formatSpan, median } from '#base'
import type { DiskEvidence, Evidence, LineEvidence, RestoreEvidence, Route } from './evidence.ts'
import { choosePaces, type Pace, type Paces } from './pace.ts'

/** A full restore that nobody has made yet. */
export interface RestoreTask extends Route {
  readonly bytes: number
  readonly files: number
  /** What comes over the line, compressed and without duplicates; the same as `bytes` when not known. */
  readonly storedBytes?: number | undefined
  /** Restores that share the line at the same time, this one counted. Default 1. */
  readonly sharing?: number | undefined
}

export interface RestoreMeasurements {
  readonly restores: readonly RestoreEvidence[]
  readonly lines: readonly LineEvidence[]
  readonly disks: readonly DiskEvidence[]
}

/** How long the restore itself will take; people, replacement machines and programs come on top. */
export type Forecast = KnownForecast | UnknownForecast

export interface KnownForecast {
  readonly known: true
  /** Seconds. */
  readonly low: number
  readonly likely: number
  readonly high: number
  /** Sentences. */
  readonly reasons: readonly string[]
  /** The evidence that it was taken from. */
  readonly basedOn: readonly Evidence[]
}

export interface UnknownForecast {
  readonly known: false
  readonly reasons: readonly string[]
}

/** Fewer measurements say less: factors for none on this way, one, two; from three on there is none. */
const fewFactors = [2, 1.5, 1.25]

/**
 * Forecasts a full restore from what was measured, or says that it can not be known.
 *
 * A measurement of so many bytes and files in so many seconds does not tell which of the two took the time. The whole
 * restore lies between the time by its bytes and the time by its files, whichever it was; that is the width of the
 * forecast, and small or old measurements make it wider. What has expired makes nothing better, but a slow restore stays
 * a slow one until newer restores replace it. No line and no disk is taken for faster than it was measured.
 *
 * @param now milliseconds since 1970, by the server's clock
 */
export function forecastRestore(task: RestoreTask, measured: RestoreMeasurements, now: number): Forecast {
  const line = newest(measured.lines, now, ({ copy, machine }) => copy === task.copy && machine === task.machine)
  const disk = newest(measured.disks, now, ({ machine }) => machine === task.machine)
  const paces = choosePaces(task, measured.restores, now)
  const { base, here, older } = paces
  if (base.length === 0) return { known: false, reasons: [whyNothing(task, older, now)] }
  if (!here) {
    const missing = [...(holds(line, now) ? [] : ['line']), ...(holds(disk, now) ? [] : ['disk'])]
    if (missing.length > 0) return { known: false, reasons: [elsewhereOnly(missing)] }
  }
  const floors = floorsOf(task, line, disk)
  const floor = Math.max(0, ...floors.map(({ seconds }) => seconds))
  if (floor === Infinity) {
    return { known: false, reasons: ['When it was last measured, the line or the disk carried nothing.'] }
  }
  const sharing = task.sharing ?? 1
  // Without a measured line nobody knows whether it is the line that is slow: then all of the restore may be.
  const range = rangeOf(paces, { floor, times: line === undefined ? sharing : 1 })
  const deciding = floors.filter(({ seconds }) => seconds === floor)
  const reasons = [
    ...baseReasons(paces, now),
    ...widthReasons(task, paces),
    ...deciding.map(({ sentence }) => sentence),
    ...(sharing > 1 ? [`${formatCount(sharing, 'restore')} share the line.`] : []),
  ]
  return { known: true, ...range, reasons, basedOn: [...base, ...floors].map(({ evidence }) => evidence) }
}

/** @param floor seconds that nothing is faster than; times: how many times as long it takes, because others share the way */
function rangeOf(
  { base, older, here, current }: Paces,
  { floor, times }: { readonly floor: number; readonly times: number },
): Pick<KnownForecast, 'low' | 'likely' | 'high'> {
  const factor = (fewFactors[here ? current : 0] ?? 1) * times
  const low = Math.max(floor, Math.min(...base.map((pace) => pace.low)))
  const high = Math.max(low, factor * Math.max(...[...base, ...older].map((pace) => pace.high)))
  const middle = times * (median(base.map((pace) => pace.middle)) ?? low)
  return { low, likely: Math.min(high, Math.max(low, middle)), high }
}

/** Whether a restore fits into the time that it may take. Nothing fits on a guess: the high end must. */
export interface Fit {
  readonly answer: 'fits' | 'may not fit' | 'does not fit' | 'not known'
  readonly because: string
}

/** @param limit seconds: the RTO, less everything that is not the restore itself */
export function compareWithLimit(forecast: Forecast, limit: number): Fit {
  if (!forecast.known) return { answer: 'not known', because: forecast.reasons.join(' ') }
  const { low, likely, high } = forecast
  const range = `The restore takes about ${span(likely)} (${span(low)} to ${span(high)})`
  const allowed = `it may take ${span(limit)}`
  if (high <= limit) return { answer: 'fits', because: `${range}; ${allowed}.` }
  if (likely > limit) return { answer: 'does not fit', because: `${range}, but ${allowed}.` }
  return { answer: 'may not fit', because: `${range}; ${allowed}: a whole restore, timed, would settle it.` }
}

function newest<Values>(
  evidence: readonly Evidence<Values>[],
  now: number,
  fits: (values: Values) => boolean,
): Evidence<Values> | undefined {
  return evidence
    .filter(({ at, values }) => at <= now && fits(values))
    .reduce<Evidence<Values> | undefined>((one, other) => (one && one.at > other.at ? one : other), undefined)
}

function holds(evidence: Evidence | undefined, now: number): boolean {
  return evidence !== undefined && now < evidence.holdsUntil
}

/** No restore is faster than this. */
interface Floor {
  readonly seconds: number
  readonly sentence: string
  readonly evidence: Evidence
}

function floorsOf(
  { bytes, storedBytes = bytes, sharing = 1 }: RestoreTask,
  line: LineEvidence | undefined,
  disk: DiskEvidence | undefined,
): Floor[] {
  return [...floorOf('line', line, storedBytes * sharing), ...floorOf('disk', disk, bytes)]
}

function floorOf(what: 'line' | 'disk', evidence: LineEvidence | DiskEvidence | undefined, bytes: number): Floor[] {
  if (evidence === undefined) return []
  const { bytesPerSecond } = evidence.values
  const seconds = bytesPerSecond > 0 ? bytes / bytesPerSecond : Infinity
  const sentence = `The ${what}, measured at ${formatRate(bytesPerSecond, 1)}, needs ${span(seconds)} for ${formatBytes(bytes)}.`
  return [{ seconds, sentence, evidence }]
}

function whyNothing({ copy, machine }: RestoreTask, older: readonly Pace[], now: number): string {
  const last = older.find(({ evidence: { values } }) => values.copy === copy && values.machine === machine)
  if (last === undefined) return 'No restore from this copy to this machine was ever measured.'
  const { at, by } = last.evidence
  return `No restore from this copy to this machine was measured lately: the last was ${ago(at, now)}, by ${by.name}.`
}

function elsewhereOnly(missing: readonly string[]): string {
  const verb = missing.length === 1 ? 'was' : 'were'
  return `Restores were measured in other places only, and the ${missing.join(' and the ')} here ${verb} not measured.`
}

function baseReasons({ base, here }: Paces, now: number): string[] {
  const [latest] = base
  if (latest === undefined) return []
  const { at, by, values } = latest.evidence
  const what = values.scope === 'whole' ? 'whole restore' : 'test restore'
  const where = here ? 'from this copy to this machine' : 'in other places'
  const rate = `${formatRate(values.bytes, values.seconds)}, ${Math.round(values.files / values.seconds)} files a second`
  const first = `Based on ${formatCount(base.length, what)} ${where}; the last was ${ago(at, now)}, by ${by.name}: ${rate}.`
  return here ? [first] : [first, 'Another machine or another copy may be slower or faster.']
}

function widthReasons({ bytes }: RestoreTask, { base, older, here, current }: Paces): string[] {
  const reasons: string[] = []
  const largest = Math.max(...base.map(({ evidence }) => evidence.values.bytes))
  const isSample = base.every(({ evidence }) => evidence.values.scope === 'sample')
  if (isSample && bytes > 0) {
    reasons.push(
      `A sample gives a rate, not a restore time; the largest held ${formatShare(Math.min(1, largest / bytes))} of the bytes.`,
    )
  }
  if (base.some(({ unlike }) => unlike > 1.5)) {
    reasons.push(
      'The files that were measured are of other sizes than all of them together: by files it takes another time than by bytes.',
    )
  }
  if (here && current === 1) reasons.push('It was measured once only.')
  if (base.some(({ aged }) => aged > 1.25)) reasons.push('Some of it was measured long ago.')
  if (older.length > 0)
    reasons.push('Older restores, and samples beside whole ones, count only where they were slower.')
  return reasons
}

function span(seconds: number): string {
  return formatSpan(seconds * 1000)
}

function ago(at: number, now: number): string {
  return `${formatSpan(now - at)} ago`
}
