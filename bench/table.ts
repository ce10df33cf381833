import { ours, judge, ratioTo } from './figures.ts'
import type { Figures, Target, WorkFigures } from './figures.ts'

/** The report: one table a work, with what it is to reach below it. */

export interface WorkResult {
  readonly name: string
  readonly title: string
  readonly targets: readonly Target[]
  readonly figures: WorkFigures
  /** What was not measured, and why; and what else a reader should know. */
  readonly notes: readonly string[]
  /** Entrants that failed, and with what words. */
  readonly failures: readonly string[]
}

export function formatResult({ name, title, targets, figures, notes, failures }: WorkResult): string {
  const rows = Object.entries(figures).map(([entrant, of]) => row(entrant, of, figures))
  const lines = [`${title} (${name})`, ...alignColumns([header, ...rows])]
  for (const [entrant, { parts }] of Object.entries(figures)) {
    if (parts) lines.push(`${entrant}, thread-seconds: ${formatParts(parts)}`)
  }
  for (const target of targets) lines.push(formatVerdict(target, figures))
  for (const note of notes) lines.push(`note: ${note}`)
  lines.push(...failures)
  return `${lines.join('\n  ')}\n`
}

/** Every target of all works, for the end of the report: a line each, and how many are reached. */
export function formatSummary(results: readonly WorkResult[]): string {
  const verdicts = results.flatMap(({ name, targets, figures }) =>
    targets.map((target) => ({ name, ...judge(target, figures) })),
  )
  const rows = verdicts.map(({ name, target, figure, reached }) => [name, target, figure, verdictWords(reached)])
  const count = verdicts.filter(({ reached }) => reached === true).length
  const lines = alignColumns([['work', 'to reach', 'measured', ''], ...rows], 'left')
  return `${lines.join('\n')}\n${count} of ${verdicts.length} reached\n`
}

const header = ['', 'median', 'least–most', 'ratio', 'processor', 'peak', 'repository']

function row(entrant: string, of: Figures, figures: WorkFigures): string[] {
  const ratio = entrant === ours ? undefined : ratioTo(figures, entrant)
  return [
    entrant,
    `${formatSeconds(of.seconds)} s`,
    of.rounds > 1 ? `${formatSeconds(of.least)}–${formatSeconds(of.most)}` : '',
    ratio === undefined ? '' : `${ratio.toFixed(2)} ×`,
    of.cpuSeconds === undefined ? '' : `${formatSeconds(of.cpuSeconds)} s`,
    of.peakMb === undefined ? '' : `${of.peakMb} MB`,
    of.repositoryMb === undefined ? '' : `${of.repositoryMb.toFixed(1)} MB`,
  ]
}

function formatVerdict(target: Target, figures: WorkFigures): string {
  const { target: text, figure, reached } = judge(target, figures)
  return `${verdictWords(reached)}: ${text} (${figure})`
}

export function verdictWords(reached: boolean | undefined): string {
  return reached === undefined ? 'not measured' : reached ? 'reached' : 'NOT reached'
}

function formatParts(parts: Readonly<Record<string, number>>): string {
  return Object.entries(parts)
    .map(([name, seconds]) => `${name} ${formatSeconds(seconds)}`)
    .join(', ')
}

export function formatSeconds(seconds: number): string {
  return seconds.toFixed(seconds < 9.995 ? 2 : 1)
}

/** Pads cells so that columns stand below each other; the first column is a name, numbers stand at the right. */
export function alignColumns(rows: readonly (readonly string[])[], numbers: 'left' | 'right' = 'right'): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  return rows.map((cells) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column === 0 || numbers === 'left' ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  ')
      .trimEnd(),
  )
}
