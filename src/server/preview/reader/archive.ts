import type { TablePreview } from '#protocol'
import type { FileInput } from './file-input.ts'
import type { Packed } from './parts.ts'
import { tablePreview } from './table.ts'

/** What is in a ZIP archive, by its list; nothing is unpacked. */
export async function readArchive({ limits }: FileInput, { entries }: Packed): Promise<TablePreview> {
  const rows = entries.map(({ name, size, modified }) => [name, String(size), modified])
  return tablePreview('zip', [{ name: '', rows: [['Name', 'Bytes', 'Changed'], ...rows] }], { limits, isCutOff: false })
}
