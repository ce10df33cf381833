import type { TextComparison, TextPreview } from '#protocol'
import { commonLines } from './common-lines.ts'

type Run = TextComparison['runs'][number]

/** What has changed from `older` to `newer`, line by line. */
export function compareText(older: TextPreview, newer: TextPreview): TextComparison {
  const [before, after] = [linesOf(older), linesOf(newer)]
  const { pairs, isRough } = commonLines(before, after)
  const runs: Run[] = []
  const add = (change: Run['change'], lines: readonly string[], { from, to }: { from: number; to: number }) => {
    if (from === to) return
    const last = runs.at(-1)
    if (last?.change === change) last.lines.push(...lines.slice(from, to))
    else runs.push({ change, firstLine: from + 1, lines: lines.slice(from, to) })
  }
  let [old, fresh] = [0, 0]
  for (const [oldLine, newLine] of [...pairs, [before.length, after.length] as const]) {
    add('removed', before, { from: old, to: oldLine })
    add('added', after, { from: fresh, to: newLine })
    add('same', before, { from: oldLine, to: Math.min(oldLine + 1, before.length) })
    ;[old, fresh] = [oldLine + 1, newLine + 1]
  }
  return {
    runs,
    removed: before.length - pairs.length,
    added: after.length - pairs.length,
    isRough,
    isCutOff: older.isCutOff || newer.isCutOff,
  }
}

function linesOf({ pages }: TextPreview): string[] {
  const lines = pages.join('\n').split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}
