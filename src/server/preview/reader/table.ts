import type { PreviewType, TablePreview } from '#protocol'
import type { PreviewLimits } from '../limits.ts'
import { Room } from './room.ts'

export interface Sheet {
  readonly name: string
  readonly rows: readonly (readonly string[])[]
}

/** As much of the sheets as a preview shows. */
export function tablePreview(
  type: PreviewType,
  sheets: readonly Sheet[],
  { limits, isCutOff }: { readonly limits: PreviewLimits; readonly isCutOff: boolean },
): TablePreview {
  const room = new Room(limits.textBytes)
  const shown = sheets.slice(0, limits.sheets).map(({ name, rows }) => ({
    name: room.take(name, limits.cellLength),
    rows: rows
      .slice(0, limits.rows)
      .map((cells) => cells.slice(0, limits.columns).map((cell) => room.take(cell, limits.cellLength))),
  }))
  return {
    kind: 'table',
    type,
    sheets: shown,
    sheetCount: sheets.length,
    isCutOff: isCutOff || room.isCutOff || isLarger(sheets, limits),
  }
}

function isLarger(sheets: readonly Sheet[], limits: PreviewLimits): boolean {
  return (
    sheets.length > limits.sheets ||
    sheets.some(({ rows }) => rows.length > limits.rows || rows.some((cells) => cells.length > limits.columns))
  )
}
