import mammoth from 'mammoth'
import type { TextPreview } from '#protocol'
import type { FileInput } from './file-input.ts'
import { isXml, repack } from './parts.ts'
import type { Packed } from './parts.ts'
import { readBy } from './refused.ts'
import { Room } from './room.ts'
import { documentPreview } from './text.ts'

/** The text of a Word document, a paragraph a line. Images are left out unopened. */
export async function readDocx({ limits }: FileInput, packed: Packed): Promise<TextPreview> {
  const buffer = await repack(packed, { most: limits.unpackedBytes, needs: isXml })
  const { value } = await readBy(async () => await mammoth.extractRawText({ buffer }))
  const room = new Room(limits.textBytes)
  const text = room.take(value.replaceAll('\n\n', '\n'))
  return documentPreview('docx', [text], room)
}
