import readWorkbook from 'read-excel-file/universal'
import type { TablePreview } from '#protocol'
import type { FileInput } from './file-input.ts'
import { isXml, repack } from './parts.ts'
import type { Packed } from './parts.ts'
import { Refused, readBy } from './refused.ts'
import { tablePreview } from './table.ts'

/** Bytes of a sheet that are unpacked: its first rows rarely take more. */
const mostOfSheet = 1 << 20

/** Parts that no cell refers to; those of some reports are larger than all else. */
const unneeded = /^xl\/(?:charts|drawings|externalLinks|pivotCache|pivotTables|theme)\//

/** The first rows of the first sheets of an Excel workbook. */
export async function readXlsx({ limits }: FileInput, packed: Packed): Promise<TablePreview> {
  let isCutOff = false
  const shorten = (xml: string, isPart: boolean) => {
    const start = firstRows(xml, limits.rows, isPart)
    if (start !== undefined) isCutOff = true
    return start ?? xml
  }
  const bytes = await repack(packed, {
    most: limits.unpackedBytes,
    needs: (name) => isXml(name) && !unneeded.test(name),
    change: (name) => (/\/worksheets\/[^/]+\.xml$/.test(name) ? { most: mostOfSheet, shorten } : undefined),
  })
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer
  const sheets = await readBy(async () => await readWorkbook(buffer, { trim: false }))
  const tables = sheets.map(({ sheet, data }) => ({
    name: sheet,
    // A sheet that is a diagram has no data.
    rows: ((data as unknown[][] | undefined) ?? []).map((cells) => cells.map(cellText)),
  }))
  return tablePreview('xlsx', tables, { limits, isCutOff })
}

/**
 * The sheet with no more rows than are shown, or undefined when it has no more. One row far down would have all rows
 * above it made.
 */
function firstRows(xml: string, most: number, isPart: boolean): string | undefined {
  const [, prefix = ''] = /<(\w+:)?sheetData\b/.exec(xml) ?? []
  const end = `</${prefix}sheetData></${prefix}worksheet>`
  let count = 0
  for (const row of xml.matchAll(/<(?:\w+:)?row\b[^>]*>/g)) {
    const number = Number(/\br="(\d{1,9})"/.exec(row[0])?.[1] ?? 0)
    if (++count > most || number > most) return xml.slice(0, row.index) + end
  }
  if (!isPart) return undefined
  const whole = xml.lastIndexOf(`</${prefix}row>`)
  if (whole < 0) throw new Refused('PREVIEW_UNPACKS_TOO_LARGE')
  return `${xml.slice(0, whole)}</${prefix}row>${end}`
}

/** Days without their hour, which is midnight for all that were typed in as a day. */
function cellText(cell: unknown): string {
  if (typeof cell === 'string' || typeof cell === 'number' || typeof cell === 'boolean') return String(cell)
  if (!(cell instanceof Date)) return ''
  if (Number.isNaN(cell.getTime())) return ''
  return cell
    .toISOString()
    .replace(/T00:00:00\.000Z$/, '')
    .replace('T', ' ')
    .replace(/(?:\.000)?Z$/, '')
}
