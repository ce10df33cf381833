import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filterRows, sortRows } from './arrange.ts'
import type { Column } from './arrange.ts'

interface Machine {
  readonly name: string
  readonly size: number | null
}

const columns: readonly Column<Machine>[] = [
  { id: 'name', title: 'Name', text: ({ name }) => name, sortBy: ({ name }) => name },
  { id: 'size', title: 'Size', sortBy: ({ size }) => size },
]
const rows = [
  { name: 'Müller 10', size: 5 },
  { name: 'müller 9', size: null },
  { name: 'Anna', size: 7 },
]
const names = (of: readonly Machine[]) => of.map(({ name }) => name)

test('a filter finds all its words, whatever case and accents they are written with', () => {
  assert.deepEqual(names(filterRows(rows, columns, ' MULLER  10 ')), ['Müller 10'])
  assert.deepEqual(filterRows(rows, columns, '  '), rows)
  assert.deepEqual(filterRows(rows, columns, '7'), [], 'what is not said to be filtered by is not')
})

test('numbers in names count as numbers, and what is not known is last, whichever way it is sorted', () => {
  const sorted = (by: string, isDown: boolean) => names(sortRows(rows, columns, { by, isDown, locale: 'de' }))
  assert.deepEqual(sorted('name', false), ['Anna', 'müller 9', 'Müller 10'])
  assert.deepEqual(sorted('size', false), ['Müller 10', 'Anna', 'müller 9'])
  assert.deepEqual(sorted('size', true), ['Anna', 'Müller 10', 'müller 9'])
  assert.deepEqual(sorted('nothing', true), names(rows))
})
