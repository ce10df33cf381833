/** How rows of a table are filtered and sorted, without a table. */

export interface Column<Row> {
  readonly id: string
  readonly title: string
  /** What it is filtered by; left out: it is not. */
  readonly text?: (row: Row) => string
  /** What it is sorted by, nothing last; left out: it is not. */
  readonly sortBy?: (row: Row) => string | number | null
}

export interface Sorting {
  readonly by: string
  readonly isDown: boolean
}

/** Rows in which every word of the filter stands, in any column, whatever its case and accents. */
export function filterRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], filter: string): readonly Row[] {
  const words = fold(filter)
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return rows
  return rows.filter((row) => {
    const text = fold(columns.map((column) => column.text?.(row) ?? '').join(' '))
    return words.every((word) => text.includes(word))
  })
}

function fold(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
}

/** Sorted by a column; what has nothing there is last, whichever way; what is equal stays in its order. */
export function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { by, isDown, locale }: Sorting & { readonly locale: string },
): readonly Row[] {
  const sortBy = columns.find(({ id }) => id === by)?.sortBy
  if (!sortBy) return rows
  const { compare } = new Intl.Collator(locale, { numeric: true, sensitivity: 'base' })
  const sign = isDown ? -1 : 1
  return rows
    .map((row) => ({ row, value: sortBy(row) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null)
      if (typeof a.value === 'number' && typeof b.value === 'number') return sign * (a.value - b.value)
      return sign * compare(String(a.value), String(b.value))
    })
    .map(({ row }) => row)
}
