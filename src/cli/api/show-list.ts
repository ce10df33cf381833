import { formatBytes, printable } from '#base'
import { everyClient } from '#protocol'
import { formatTable } from '../table.ts'
import type { Printer } from '../printer.ts'
import { displayWidth } from '../width.ts'
import { formatTimeText } from '../words.ts'
import { listColumns } from './list-columns.ts'
import { thingOf } from './table.ts'

/** Lists for people: a line for each thing, or, where one does not fit into a line, a block of lines. */

export interface ListOptions {
  /** The command whose answer it is: what its columns are. */
  readonly command?: string | undefined
  /** What people call a thing of this kind; undefined: whoever asks does not see it. */
  readonly nameOf?: ((kind: string, id: string) => Promise<string | undefined>) | undefined
}

type Row = Readonly<Record<string, unknown>>

export async function showList(
  printer: Printer,
  list: readonly unknown[],
  { command = '', nameOf = async () => await Promise.resolve(undefined) }: ListOptions = {},
): Promise<void> {
  if (list.length === 0) return printer.say('There is nothing to show.')
  const rows = list.map((item) => (isThing(item) ? item : { value: item }))
  const paths = listColumns[command] ?? [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const writer = new CellWriter(nameOf)
  const cells = await Promise.all(
    rows.map(async (row) => await Promise.all(paths.map(async (path) => await writer.write(path, row)))),
  )
  const shown = paths.map((_, at) => at).filter((at) => cells.some((row) => row[at] !== ''))
  const titles = shown.map((at) => titleOf(paths[at] as string))
  const texts = cells.map((row) => shown.map((at) => row[at] as string))
  for (const line of fits(printer, titles, texts) ? tableOf(titles, texts) : blocksOf(titles, texts)) {
    printer.result(line)
  }
  if (writer.hasTimes) printer.say(`Times are those of ${new Intl.DateTimeFormat().resolvedOptions().timeZone}.`)
}

/** A cell that is longer than this is no cell. */
const longestCell = 60

/** Programs that read lines get lines, as wide as they are; of a sentence nothing is cut off for anybody. */
function fits({ terminal }: Printer, titles: readonly string[], rows: readonly (readonly string[])[]): boolean {
  const widths = titles.map((title, at) => Math.max(...[title, ...rows.map((row) => row[at] ?? '')].map(displayWidth)))
  const width = widths.reduce((sum, each) => sum + each + 2, -2)
  return widths.every((each) => each <= longestCell) && width <= (terminal.columns ?? Infinity)
}

function tableOf(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return formatTable(
    titles.map((title, at) => ({ title, cell: (row: readonly string[]) => row[at] ?? '' })),
    rows,
  )
}

function blocksOf(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...titles.map(displayWidth)) + 2
  return rows.flatMap((row, number) => {
    const lines = titles.flatMap((title, at) => {
      const text = row[at] ?? ''
      return text === '' ? [] : [`${title}${' '.repeat(width - displayWidth(title))}${text}`]
    })
    return number === 0 ? lines : ['', ...lines]
  })
}

/** `lastSeenAt` → `Last seen at`; of what names a thing without the word for its id. */
function titleOf(path: string): string {
  const name = path.split('.').at(-1) ?? path
  const words = name.replace(/(?<=.)Ids?$/, '').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

const wholeId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const hash = /^[0-9a-f]{64}$/
const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

/** Who did it: a person or a machine, by the id that only the server knows. */
const who = new Set(['who', 'requestedBy', 'askedBy', 'decidedBy', 'measuredBy', 'madeBy', 'by'])

class CellWriter {
  readonly #nameOf: NonNullable<ListOptions['nameOf']>
  hasTimes = false

  constructor(nameOf: NonNullable<ListOptions['nameOf']>) {
    this.#nameOf = nameOf
  }

  async write(path: string, row: Row): Promise<string> {
    let value: unknown = row
    for (const name of path.split('.')) value = isThing(value) ? value[name] : undefined
    const text = await this.#text(path.split('.').at(-1) ?? path, value)
    return printable(text.replaceAll(/\s*\n\s*/g, ' '), Infinity)
  }

  async #text(name: string, value: unknown): Promise<string> {
    if (value === null || value === undefined) return ''
    if (typeof value === 'boolean') return value ? 'yes' : 'no'
    if (typeof value === 'number') return isBytes(name) ? formatBytes(value) : String(value)
    if (Array.isArray(value)) {
      return (await Promise.all(value.map(async (each: unknown) => await this.#text(name, each)))).join(', ')
    }
    if (isThing(value)) return await this.#thing(value)
    return typeof value === 'string' ? await this.#word(name, value) : ''
  }

  /** Ids as people call what they stand for, or by their first digits, by which they may be called; times by this machine’s wall clock. */
  async #word(name: string, text: string): Promise<string> {
    if (moment.test(text)) {
      this.hasTimes = true
      return formatTimeText(text)
    }
    if (who.has(name)) {
      const [, kind = '', id = ''] = /^(person|machine):(\S+)/.exec(text) ?? []
      return (id === '' ? undefined : await this.#nameOf(kind, id)) ?? text
    }
    if (!wholeId.test(text)) return hash.test(text) ? text.slice(0, 8) : text
    const kind = name === 'id' ? undefined : thingOf(name)
    return (kind === undefined ? undefined : await this.#nameOf(kind, text)) ?? text.slice(0, 8)
  }

  /** Of a thing within its name; of a small one what it says; what is larger is for `show`, or --json. */
  async #thing(thing: Row): Promise<string> {
    const { name, role, clientId } = thing
    if (typeof name === 'string') return name
    if (typeof role === 'string' && typeof clientId === 'string') {
      return `${role}@${clientId === everyClient ? 'every' : await this.#text('clientId', clientId)}`
    }
    const entries = Object.entries(thing)
    if (entries.length > 6 || entries.some(([, value]) => typeof value === 'object' && value !== null)) return ''
    // Two words are one and what belongs to it: how much, and why.
    if (entries.length === 2 && entries.every(([, value]) => typeof value === 'string')) {
      return (await Promise.all(entries.map(async ([key, value]) => await this.#text(key, value)))).join(': ')
    }
    const parts = entries.map(async ([key, value]) => `${titleOf(key).toLowerCase()} ${await this.#text(key, value)}`)
    return (await Promise.all(parts)).join(', ')
  }
}

function isBytes(name: string): boolean {
  return /bytes$/i.test(name) || name === 'size'
}

function isThing(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
