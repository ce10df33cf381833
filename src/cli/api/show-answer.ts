import { printable } from '#base'
import type { Printer } from '../printer.ts'
import { formatTable } from '../table.ts'
import { formatTimeText } from '../words.ts'

/** Prints what the server answers: a list as a table, a thing as YAML, which can be changed and given back by --file. */
export async function showAnswer(printer: Printer, answer: unknown): Promise<void> {
  if (printer.isJson) return printer.json(answer)
  if (isDone(answer)) return printer.say('Done.')
  if (Array.isArray(answer)) return showList(printer, answer)
  const { stringify } = await import('yaml')
  const text = stringify(answer, { lineWidth: 0, aliasDuplicateObjects: false })
  for (const line of text.trimEnd().split('\n')) printer.result(printable(line, Infinity))
}

function isDone(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && Object.keys(answer).join() === 'done'
}

type Row = Readonly<Record<string, unknown>>

function showList(printer: Printer, list: readonly unknown[]): void {
  if (list.length === 0) return printer.say('There is nothing to show.')
  const rows = list.map((item) => (typeof item === 'object' && item !== null ? { ...item } : { value: item }) as Row)
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const shown = names.filter((name) => rows.some((row) => cellOf(row[name]) !== ''))
  const columns = shown.map((name) => ({ title: titleOf(name), cell: (row: Row) => cellOf(row[name]) }))
  for (const line of formatTable(columns, rows)) printer.result(line)
}

/** `lastSeenAt` → `Last seen at`. */
function titleOf(name: string): string {
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const wholeId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const hash = /^[0-9a-f]{64}$/
const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/
const longestCell = 60

/** Ids by their first digits, by which they may be called; times by this machine’s wall clock; of a thing within, its name. */
function cellOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.map(cellOf).join(', ')
  if (typeof value === 'object') return cellOfThing(value as Row)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (wholeId.test(text) || hash.test(text)) return text.slice(0, 8)
  if (moment.test(text)) return formatTimeText(text)
  return text.length > longestCell ? `${text.slice(0, longestCell)}…` : text
}

function cellOfThing(thing: Row): string {
  if (typeof thing['name'] === 'string') return thing['name']
  const values = Object.values(thing)
  // Small things only, such as a role and for whom: what is larger is for `show`, or --json.
  return values.length <= 3 && values.every((value) => typeof value !== 'object') ? values.map(cellOf).join(' ') : ''
}
