import type { TablePreview } from '#protocol'
import { decodeText } from './encoding.ts'
import type { FileInput } from './file-input.ts'
import { tablePreview } from './table.ts'
import { firstBytes } from './text.ts'

/** The first rows of a table in text form (RFC 4180, with whichever separator is used in its first line). */
export async function readCsv(file: FileInput): Promise<TablePreview> {
  const { bytes, isCutOff } = await firstBytes(file, file.limits.textBytes)
  const { text } = decodeText(bytes)
  const rows: string[][] = []
  for (const row of rowsOf(text, separatorOf(text))) {
    rows.push(row)
    if (rows.length > file.limits.rows) break
  }
  return tablePreview('csv', [{ name: '', rows }], { limits: file.limits, isCutOff })
}

const separators = [',', ';', '\t', '|']

function separatorOf(text: string): string {
  const [line = ''] = text.replace(/"[^"]*"/g, '').split('\n', 1)
  const counts = separators.map((separator) => line.split(separator).length)
  return separators[counts.indexOf(Math.max(...counts))] as string
}

/** A quotation mark that is never closed takes the rest of the text into its cell. */
function* rowsOf(text: string, separator: string): Generator<string[]> {
  const unquoted = new RegExp(`[\\r\\n${separator === '|' ? '\\|' : separator}]|$`, 'g')
  let row: string[] = []
  let at = 0
  while (at < text.length) {
    const { cell, end } = text[at] === '"' ? quotedCell(text, at) : { cell: '', end: at }
    unquoted.lastIndex = end
    const stop = (unquoted.exec(text) as RegExpExecArray).index
    row.push(cell + text.slice(end, stop))
    at = stop + 1
    if (text[stop] === separator && at < text.length) continue
    if (text[stop] === separator) row.push('')
    if (text[stop] === '\r' && text[at] === '\n') at++
    yield row
    row = []
  }
}

function quotedCell(text: string, start: number): { cell: string; end: number } {
  let cell = ''
  let at = start + 1
  for (;;) {
    const quote = text.indexOf('"', at)
    if (quote < 0) return { cell: cell + text.slice(at), end: text.length }
    cell += text.slice(at, quote)
    if (text[quote + 1] !== '"') return { cell, end: quote + 1 }
    cell += '"'
    at = quote + 2
  }
}
