import { TextInput } from '@mantine/core'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useDeferredValue, useLayoutEffect, useMemo, useRef, useState } from 'react'
import type { ReactNode } from 'react'
import { commonWords } from '../words/common.ts'
import { formatNumber } from '../words/formats.ts'
import { useLocale, useWords } from '../words/locale.ts'
import { filterRows, sortRows } from './arrange.ts'
import type { Column, Sorting } from './arrange.ts'
import styles from './data-table.module.css'

export interface TableColumn<Row> extends Column<Row> {
  readonly cell: (row: Row) => ReactNode
  /** Numbers stand under each other. */
  readonly isNumber?: boolean
  /** It stands in one line: a time, a name that is never long. */
  readonly isShort?: boolean
}

export interface DataTableProps<Row> {
  /** What the table holds, for those who hear it. */
  readonly label: string
  readonly rows: readonly Row[]
  readonly columns: readonly TableColumn<Row>[]
  readonly keyOf: (row: Row) => string
  readonly sorting?: Sorting
  /** Default: with more rows than one sees at a glance. */
  readonly hasFilter?: boolean
}

/** Rows that are drawn at once without any fuss; of more only those are drawn that one sees. */
const fewRows = 60
const usualHeight = 45
const glance = 8

/** Dense details: sorted by a click on a column, filtered by words, as long as it likes. */
export function DataTable<Row>({ label, rows, columns, keyOf, sorting, hasFilter }: DataTableProps<Row>) {
  const { locale } = useLocale()
  const words = useWords(commonWords)
  const [filter, setFilter] = useState('')
  const [chosen, setChosen] = useState(sorting)
  const wanted = useDeferredValue(filter)
  const shown = useMemo(() => {
    const found = filterRows(rows, columns, wanted)
    return chosen ? sortRows(found, columns, { ...chosen, locale }) : found
  }, [rows, columns, wanted, chosen, locale])
  const isFiltered = hasFilter ?? rows.length > glance
  return (
    <div className={styles.frame}>
      {isFiltered && (
        <div className={styles.tools}>
          <TextInput
            aria-label={words.filter}
            placeholder={words.filter}
            value={filter}
            onChange={({ currentTarget }) => setFilter(currentTarget.value)}
          />
          <span className={styles.count} role="status">
            {words.shown(formatNumber(shown.length, locale), formatNumber(rows.length, locale))}
          </span>
        </div>
      )}
      <table className={styles.table} aria-label={label} aria-rowcount={shown.length + 1}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column.id} column={column} sorting={chosen} onSort={setChosen} />
            ))}
          </tr>
        </thead>
        {shown.length > fewRows ? (
          <SeenRows {...{ shown, columns, keyOf }} />
        ) : (
          <tbody>
            {shown.map((row) => (
              <tr key={keyOf(row)}>
                <Cells row={row} columns={columns} />
              </tr>
            ))}
          </tbody>
        )}
      </table>
      {shown.length === 0 && rows.length > 0 && <p className={styles.none}>{words.nothingFits}</p>}
    </div>
  )
}

interface HeadingProps<Row> {
  readonly column: TableColumn<Row>
  readonly sorting: Sorting | undefined
  readonly onSort: (sorting: Sorting) => void
}

function Heading<Row>({ column: { id, title, sortBy, isNumber }, sorting, onSort }: HeadingProps<Row>) {
  const { sortBy: sortWords } = useWords(commonWords)
  const isBy = sorting?.by === id
  const order = isBy ? (sorting.isDown ? 'descending' : 'ascending') : undefined
  return (
    <th scope="col" aria-sort={order} className={isNumber ? styles.number : undefined}>
      {sortBy ? (
        <button
          type="button"
          className={styles.sort}
          title={sortWords(title)}
          onClick={() => onSort({ by: id, isDown: isBy && !sorting.isDown })}
        >
          {title}
          <span aria-hidden="true">{order === 'descending' ? ' ↓' : order === 'ascending' ? ' ↑' : ''}</span>
        </button>
      ) : (
        title
      )}
    </th>
  )
}

function Cells<Row>({ row, columns }: { readonly row: Row; readonly columns: readonly TableColumn<Row>[] }) {
  return columns.map(({ id, title, cell, isNumber, isShort }) => (
    <td key={id} data-title={title} className={isNumber ? styles.number : isShort ? styles.short : undefined}>
      {cell(row)}
    </td>
  ))
}

interface SeenRowsProps<Row> {
  readonly shown: readonly Row[]
  readonly columns: readonly TableColumn<Row>[]
  readonly keyOf: (row: Row) => string
}

/** Of many rows those that are on the screen, between two that take the room of all others. */
function SeenRows<Row>({ shown, columns, keyOf }: SeenRowsProps<Row>) {
  const body = useRef<HTMLTableSectionElement>(null)
  const [offset, setOffset] = useState(0)
  useLayoutEffect(() => {
    const top = (body.current?.getBoundingClientRect().top ?? 0) + window.scrollY
    setOffset(top)
  }, [])
  const virtual = useWindowVirtualizer({
    count: shown.length,
    estimateSize: () => usualHeight,
    getItemKey: (at) => keyOf(shown[at] as Row),
    overscan: 10,
    scrollMargin: offset,
  })
  const items = virtual.getVirtualItems()
  const before = (items[0]?.start ?? offset) - offset
  const after = virtual.getTotalSize() - ((items.at(-1)?.end ?? offset) - offset)
  return (
    <tbody ref={body}>
      <Room height={before} columns={columns.length} />
      {items.map(({ index, key }) => (
        <tr key={String(key)} data-index={index} aria-rowindex={index + 2} ref={virtual.measureElement}>
          <Cells row={shown[index] as Row} columns={columns} />
        </tr>
      ))}
      <Room height={after} columns={columns.length} />
    </tbody>
  )
}

function Room({ height, columns }: { readonly height: number; readonly columns: number }) {
  if (height <= 0) return null
  return (
    <tr aria-hidden="true">
      <td colSpan={columns} className={styles.room} style={{ height }} />
    </tr>
  )
}
