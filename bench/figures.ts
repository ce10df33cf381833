/** Figures of a benchmark and what they are held against: pure, so that every sentence of the report can be tested. */

/** One run of a whole work by one entrant. */
export interface Reading {
  readonly seconds: number
  /** Seconds of processor time; undefined where nothing tells. */
  readonly cpuSeconds?: number | undefined
  /** Peak resident memory of all its processes, in MB (millions of bytes). */
  readonly peakMb?: number | undefined
  /** Size of the repository afterwards, in MB. */
  readonly repositoryMb?: number | undefined
  /** Memory that the index takes for each blob. */
  readonly bytesPerBlob?: number | undefined
  /** Thread-seconds of each part, where the entrant is the machine itself. */
  readonly parts?: Readonly<Record<string, number>> | undefined
}

/** What several runs of one entrant gave. */
export interface Figures {
  readonly rounds: number
  readonly seconds: number
  readonly least: number
  readonly most: number
  readonly cpuSeconds?: number | undefined
  /** The highest of all rounds: a peak that happens sometimes happens. */
  readonly peakMb?: number | undefined
  readonly repositoryMb?: number | undefined
  readonly bytesPerBlob?: number | undefined
  readonly parts?: Readonly<Record<string, number>> | undefined
}

/** By the entrant's name. */
export type WorkFigures = Readonly<Record<string, Figures>>

export const ours = 'understudy'

/** What a work is to reach. `faster` and `within` compare medians of seconds with those of another entrant. */
export type Target =
  | { readonly kind: 'faster'; readonly than: string; readonly times: number }
  | { readonly kind: 'within'; readonly of: string; readonly times: number }
  | { readonly kind: 'no-larger'; readonly than: string }
  /** Not above the other's peak, or `mb` if that is larger. */
  | { readonly kind: 'memory'; readonly than?: string; readonly mb: number }
  | { readonly kind: 'per-blob'; readonly bytes: number }
  /** One of several lists of targets is reached as a whole. */
  | { readonly kind: 'either'; readonly ways: readonly (readonly Target[])[] }

export interface Verdict {
  readonly target: string
  readonly figure: string
  /** Undefined when the other was not measured. */
  readonly reached: boolean | undefined
}

/** Sizes differ by as much from run to run, by how blobs happen to be spread over packs. */
const sizeTolerance = 1.001

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

export function summarise(readings: readonly Reading[]): Figures {
  const seconds = readings.map((reading) => reading.seconds)
  const known = (pick: (reading: Reading) => number | undefined) => readings.map(pick).filter((n) => n !== undefined)
  const peaks = known(({ peakMb }) => peakMb)
  const cpu = known(({ cpuSeconds }) => cpuSeconds)
  const sizes = known(({ repositoryMb }) => repositoryMb)
  const perBlob = known(({ bytesPerBlob }) => bytesPerBlob)
  const names = Object.keys(readings[0]?.parts ?? {})
  return {
    rounds: readings.length,
    seconds: median(seconds),
    least: Math.min(...seconds),
    most: Math.max(...seconds),
    ...(cpu.length > 0 && { cpuSeconds: median(cpu) }),
    ...(peaks.length > 0 && { peakMb: Math.max(...peaks) }),
    ...(sizes.length > 0 && { repositoryMb: median(sizes) }),
    ...(perBlob.length > 0 && { bytesPerBlob: median(perBlob) }),
    ...(names.length > 0 && {
      parts: Object.fromEntries(names.map((name) => [name, median(known(({ parts }) => parts?.[name]))])),
    }),
  }
}

/** How many times as long the other took as we did; undefined when one of both was not measured. */
export function ratioTo(figures: WorkFigures, other: string): number | undefined {
  const [mine, theirs] = [figures[ours], figures[other]]
  return mine && theirs ? theirs.seconds / mine.seconds : undefined
}

export function judge(target: Target, figures: WorkFigures): Verdict {
  switch (target.kind) {
    case 'faster':
      return judgeFaster(target.than, target.times, ratioTo(figures, target.than))
    case 'within':
      return judgeWithin(target.of, target.times, ratioTo(figures, target.of))
    case 'no-larger':
      return judgeSize(target.than, figures)
    case 'memory':
      return judgeMemory(target, figures)
    case 'per-blob':
      return judgePerBlob(target.bytes, figures[ours]?.bytesPerBlob)
    case 'either':
      return judgeEither(target.ways, figures)
  }
}

function judgeFaster(than: string, times: number, ratio: number | undefined): Verdict {
  const target = `at least ${times} × as fast as ${than}`
  if (ratio === undefined) return notMeasured(target)
  return { target, figure: `${ratio.toFixed(2)} ×`, reached: ratio >= times }
}

function judgeWithin(of: string, times: number, ratio: number | undefined): Verdict {
  const target = times === 1 ? `not slower than ${of}` : `within ${times} × ${of}`
  if (ratio === undefined) return notMeasured(target)
  return { target, figure: `${(1 / ratio).toFixed(2)} ×`, reached: 1 / ratio <= times }
}

function judgeSize(than: string, figures: WorkFigures): Verdict {
  const target = `repository not larger than ${than}'s`
  const [mine, theirs] = [figures[ours]?.repositoryMb, figures[than]?.repositoryMb]
  if (mine === undefined || theirs === undefined) return notMeasured(target)
  return { target, figure: `${((100 * mine) / theirs).toFixed(2)} %`, reached: mine <= theirs * sizeTolerance }
}

function judgeMemory({ than, mb }: { readonly than?: string; readonly mb: number }, figures: WorkFigures): Verdict {
  const mine = figures[ours]?.peakMb
  const theirs = than === undefined ? undefined : figures[than]?.peakMb
  const most = Math.max(mb, theirs ?? 0)
  const target = theirs !== undefined && theirs > mb ? `peak not above ${than}'s ${theirs} MB` : `peak at most ${mb} MB`
  // A peak below the fixed limit needs no other to be compared with.
  if (mine === undefined || (than !== undefined && theirs === undefined && mine > mb)) return notMeasured(target)
  return { target, figure: `${mine} MB`, reached: mine <= most }
}

function judgePerBlob(bytes: number, measured: number | undefined): Verdict {
  const target = `index at most ${bytes} bytes a blob`
  if (measured === undefined) return notMeasured(target)
  return { target, figure: `${measured.toFixed(1)} bytes`, reached: measured <= bytes }
}

function judgeEither(ways: readonly (readonly Target[])[], figures: WorkFigures): Verdict {
  const verdicts = ways.map((way) => way.map((target) => judge(target, figures)))
  const join = (pick: (verdict: Verdict) => string) => verdicts.map((way) => way.map(pick).join(' and ')).join(', or ')
  const target = join((verdict) => verdict.target)
  const outcomes = verdicts.map(allReached)
  const reached = outcomes.includes(true) ? true : outcomes.includes(undefined) ? undefined : false
  return { target, figure: join(({ figure }) => figure), reached }
}

function allReached(verdicts: readonly Verdict[]): boolean | undefined {
  if (verdicts.some(({ reached }) => reached === false)) return false
  return verdicts.some(({ reached }) => reached === undefined) ? undefined : true
}

function notMeasured(target: string): Verdict {
  return { target, figure: '–', reached: undefined }
}
