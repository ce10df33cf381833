import { formatBytes, formatCount, formatShare, median, medianDeviation } from '#base'

/** What one backup run found. What could not be read is not deleted, and must not be counted so. */
export interface RunCounts {
  /** Files in the snapshot. */
  readonly files: number
  /** Their bytes. */
  readonly bytes: number
  readonly added: number
  readonly changed: number
  readonly deleted: number
  /** Bytes that were not in the repository before. */
  readonly newBytes: number
  /** Of the added and changed files, those whose content looks random, as encrypted files do; undefined when nobody looked. */
  readonly randomLooking?: number | undefined
}

export type Measure = 'changed' | 'deleted' | 'added' | 'newBytes' | 'randomLooking' | 'touched'

/** One thing that is not as usual. */
export interface Finding {
  readonly measure: Measure
  readonly value: number
  /** The machine's usual; undefined when its history is too short to know. */
  readonly usual: number | undefined
  /** How many times the usual; undefined when that is nothing or not known. */
  readonly times: number | undefined
  readonly sentence: string
}

export interface RunJudgement {
  /** `not known`: nothing that is wrong by itself, and too little history to know what is usual. */
  readonly answer: 'usual' | 'unusual' | 'not known'
  readonly findings: readonly Finding[]
  /** Runs that the machine's usual was taken from. */
  readonly runs: number
  readonly because: string
}

/** Fewer runs than this have no usual. */
const fewestRuns = 5
/** Older runs say nothing of how a machine is used today. */
const mostRuns = 60

/** Below this nothing is unusual, however quiet the machine is: shares of its files and bytes, and plain numbers. */
const quiet = { share: 0.02, files: 50, bytes: 64 * 1024 ** 2 }

/** A value is unusual beyond both: many times the median, and far outside of the ordinary spread. */
const manyTimes = 5
const farOutside = 6

/** Half of everything changed or gone is wrong by itself, unless it is so each time. */
const mostTouched = 0.5

/**
 * Compares a run with what is usual for its machine, by median and median deviation: one attack in the history, or one
 * large clean-up, does not make the next one usual.
 *
 * @param history earlier runs of the same machine and policy, oldest first
 */
export function unusualRun(history: readonly RunCounts[], run: RunCounts): RunJudgement {
  const runs = history.slice(-mostRuns)
  const findings = [...touchedFinding(runs, run), ...(runs.length < fewestRuns ? [] : againstUsual(runs, run))]
  const basis = { findings, runs: runs.length }
  if (findings.length > 0) {
    return { answer: 'unusual', ...basis, because: findings.map(({ sentence }) => sentence).join(' ') }
  }
  if (runs.length < fewestRuns) {
    const because = `What is usual for this machine is not known yet, after ${formatCount(runs.length, 'earlier run')}.`
    return { answer: 'not known', ...basis, because }
  }
  return { answer: 'usual', ...basis, because: `Nothing differs much from the ${runs.length} runs before.` }
}

function againstUsual(runs: readonly RunCounts[], run: RunCounts): Finding[] {
  const before = filesBefore(run)
  const fewFiles = Math.max(quiet.files, quiet.share * before)
  return [
    ...exceeds('changed', {
      runs,
      run,
      quietBelow: fewFiles,
      words: (value) => `${formatCount(value, 'file')} changed`,
    }),
    ...exceeds('deleted', { runs, run, quietBelow: fewFiles, words: (value) => `${formatCount(value, 'file')} gone` }),
    ...exceeds('added', { runs, run, quietBelow: fewFiles, words: (value) => `${formatCount(value, 'file')} new` }),
    ...exceeds('newBytes', {
      runs,
      run,
      quietBelow: Math.max(quiet.bytes, quiet.share * run.bytes),
      words: (value) => `${formatBytes(Math.round(value))} new`,
    }),
    ...randomFinding(runs, run),
  ]
}

interface Comparison {
  readonly runs: readonly RunCounts[]
  readonly run: RunCounts
  readonly quietBelow: number
  readonly words: (value: number) => string
}

function exceeds(
  measure: 'changed' | 'deleted' | 'added' | 'newBytes',
  { runs, run, quietBelow, words }: Comparison,
): Finding[] {
  const values = runs.map((each) => each[measure])
  const usual = median(values) ?? 0
  const value = run[measure]
  if (value <= Math.max(quietBelow, usual * manyTimes, usual + farOutside * (medianDeviation(values) ?? 0))) return []
  const times = usual === 0 ? undefined : value / usual
  const compared = times === undefined ? 'usually there are none' : `${Math.round(times)} times the usual`
  return [{ measure, value, usual, times, sentence: `${words(value)}: ${compared}.` }]
}

/** Share of the files from before that were changed or deleted: known without any history. */
function touchedFinding(runs: readonly RunCounts[], run: RunCounts): Finding[] {
  const before = filesBefore(run)
  const value = touchedShare(run)
  if (before < quiet.files || value < mostTouched) return []
  const usual = runs.length < fewestRuns ? undefined : median(runs.map(touchedShare))
  if (usual !== undefined && usual >= mostTouched / 2) return []
  const sentence = `${formatShare(value)} of the ${before} files there were before are changed or gone.`
  return [{ measure: 'touched', value, usual, times: usual ? value / usual : undefined, sentence }]
}

/** Photos and archives look random too, so only a share that is far above the machine's usual says anything. */
function randomFinding(runs: readonly RunCounts[], run: RunCounts): Finding[] {
  const value = randomShare(run)
  if (value === undefined || run.added + run.changed < quiet.files) return []
  const usual = median(runs.map(randomShare).filter((share) => share !== undefined))
  if (usual === undefined || value < usual + 0.3 || value < 0.5) return []
  const sentence = `${formatShare(value)} of the new and changed files look random, as encrypted ones do; usual are ${formatShare(usual)}.`
  return [{ measure: 'randomLooking', value, usual, times: usual === 0 ? undefined : value / usual, sentence }]
}

function filesBefore({ files, added, deleted }: RunCounts): number {
  return Math.max(0, files - added + deleted)
}

function touchedShare(run: RunCounts): number {
  return (run.changed + run.deleted) / Math.max(1, filesBefore(run))
}

function randomShare({ randomLooking, added, changed }: RunCounts): number | undefined {
  return randomLooking === undefined || added + changed === 0 ? undefined : randomLooking / (added + changed)
}
