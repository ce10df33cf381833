import { printable } from '#base'
import type { Printer } from '../printer.ts'
import { showList } from './show-list.ts'
import type { ListOptions } from './show-list.ts'

/** Prints what the server answers: a list as a table, a thing as YAML, which can be changed and given back by --file. */
export async function showAnswer(printer: Printer, answer: unknown, options: ListOptions = {}): Promise<void> {
  if (printer.isJson) return printer.json(answer)
  if (isDone(answer)) return printer.say('Done.')
  if (Array.isArray(answer)) return await showList(printer, answer, options)
  const page = pageOf(answer)
  if (page) {
    await showList(printer, page.list, options)
    if (page.next !== null) printer.say(`There is more: --${page.flag} ${page.next}`)
    return
  }
  const { stringify } = await import('yaml')
  const text = stringify(answer, { lineWidth: 0, aliasDuplicateObjects: false })
  for (const line of text.trimEnd().split('\n')) printer.result(printable(line, Infinity))
}

function isDone(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && Object.keys(answer).join() === 'done'
}

interface Page {
  readonly list: readonly unknown[]
  readonly next: string | null
  /** By which the next page is asked for. */
  readonly flag: string
}

/** A list that is given in pages: nothing but the list, and by what the next page is asked for. */
function pageOf(answer: unknown): Page | undefined {
  const entries = Object.entries(answer ?? {})
  const [list, ...more] = entries.flatMap(([, value]) => (Array.isArray(value) ? [value as unknown[]] : []))
  const next = entries.find(([name]) => name === 'next')?.[1] as unknown
  if (!list || more.length > 0 || entries.length !== 2) return undefined
  return next === null || typeof next === 'string' ? { list, next, flag: 'after' } : undefined
}
