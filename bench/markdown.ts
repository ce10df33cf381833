import { judge, ours, ratioTo } from './figures.ts'
import type { Figures, WorkFigures } from './figures.ts'
import { formatSeconds, verdictWords } from './table.ts'
import type { WorkResult } from './table.ts'

/** The report as docs/performance.md shows it: one line a work, then one line a target. */
export function formatMarkdown(results: readonly WorkResult[]): string {
  return `${formatWorks(results)}\n${formatTargets(results)}`
}

function formatWorks(results: readonly WorkResult[]): string {
  const others = [...new Set(results.flatMap(({ figures }) => Object.keys(figures)))].filter((name) => name !== ours)
  const lines = results.map(({ name, figures }) => {
    const cells = others.map((other) => formatOther(figures, other))
    return formatLine([`\`${name}\``, formatOwn(figures[ours]), ...cells])
  })
  return [formatLine(['work', ours, ...others]), formatRule(others.length + 2), ...lines, ''].join('\n')
}

function formatTargets(results: readonly WorkResult[]): string {
  const lines = results.flatMap(({ name, targets, figures }) =>
    targets.map((to) => {
      const { target, figure, reached } = judge(to, figures)
      return formatLine([`\`${name}\``, target, figure, verdictWords(reached)])
    }),
  )
  return [formatLine(['work', 'to reach', 'measured', '']), formatRule(4), ...lines, ''].join('\n')
}

/** `5.00 s, 190 MB, 488.3 MB stored`. */
function formatOwn(figures: Figures | undefined): string {
  if (figures === undefined) return 'failed'
  const { seconds, peakMb, repositoryMb } = figures
  const parts = [`${formatSeconds(seconds)} s`]
  if (peakMb !== undefined) parts.push(`${peakMb} MB`)
  if (repositoryMb !== undefined) parts.push(`${repositoryMb.toFixed(1)} MB stored`)
  return parts.join(', ')
}

function formatOther(figures: WorkFigures, other: string): string {
  const ratio = ratioTo(figures, other)
  const of = figures[other]
  if (of === undefined) return ''
  return ratio === undefined ? formatOwn(of) : `${formatOwn(of)}: ${ratio.toFixed(2)} ×`
}

function formatLine(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function formatRule(columns: number): string {
  return `|${'---|'.repeat(columns)}`
}
