import { printable } from '#base'
import { displayWidth } from './width.ts'

/** Tables as restic prints them. */

export interface Column<Row> {
  readonly title: string
  /** What stands in the column: a line, or several. */
  readonly cell: (row: Row) => string | readonly string[]
}

export interface TableOptions {
  /** Lines below the table. */
  readonly footer?: readonly string[]
  /** A blank line between rows, for tables whose rows have several lines. */
  readonly spaced?: boolean
}

const gap = '  '

/** The lines of a table. Cells are made safe to print. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { footer = [], spaced = false }: TableOptions = {},
): string[] {
  const cells = rows.map((row) => columns.map(({ cell }) => linesOf(cell(row))))
  const widths = columns.map(({ title }, at) =>
    Math.max(displayWidth(title), ...cells.flatMap((row) => (row[at] as string[]).map(displayWidth))),
  )
  const rule = '-'.repeat(widths.reduce((sum, width) => sum + width, 0) + gap.length * (columns.length - 1))
  const body = cells.flatMap((row, at) => [...(spaced && at > 0 ? [''] : []), ...formatRow(row, widths)])
  const head = formatRow(
    columns.map(({ title }) => [title]),
    widths,
  )
  return [...head, rule, ...body, rule, ...footer]
}

function linesOf(cell: string | readonly string[]): string[] {
  return (typeof cell === 'string' ? [cell] : cell).map((line) => printable(line, Infinity))
}

function formatRow(cells: readonly (readonly string[])[], widths: readonly number[]): string[] {
  const height = Math.max(1, ...cells.map((lines) => lines.length))
  return Array.from({ length: height }, (_, line) =>
    cells
      .map((lines, at) => pad(lines[line] ?? '', widths[at] as number))
      .join(gap)
      .trimEnd(),
  )
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)))
}
