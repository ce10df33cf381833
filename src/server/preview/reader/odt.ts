import type { TextPreview } from '#protocol'
import type { FileInput } from './file-input.ts'
import { refuseDeclarations } from './parts.ts'
import type { Packed } from './parts.ts'
import { Refused } from './refused.ts'
import { Room } from './room.ts'
import { documentPreview } from './text.ts'
import { tokens, unescapeXml } from './xml.ts'
import { Unpacking } from './zip.ts'

/** The text of an OpenDocument text, a paragraph a line (OASIS OpenDocument 1.3 part 3, sections 5 and 6.1). */
export async function readOdt({ limits }: FileInput, { bytes, entries }: Packed): Promise<TextPreview> {
  const content = entries.find(({ name }) => name === 'content.xml')
  if (!content) throw new Refused('PREVIEW_DAMAGED')
  const { bytes: xml } = await new Unpacking(bytes, limits.unpackedBytes).unpack(content)
  refuseDeclarations(xml)
  const room = new Room(limits.textBytes)
  const pieces: string[] = []
  for (const piece of textOf(xml.toString('utf8'))) {
    pieces.push(room.take(piece))
    if (room.isCutOff) break
  }
  return documentPreview('odt', [pieces.join('')], room)
}

const mostSpaces = 1000

/** The characters of the text, in order. What is deleted but tracked, and notes of readers, are left out. */
function* textOf(xml: string): Generator<string> {
  let inParagraph = 0
  let leftOut = 0
  for (const { name, isEnd, isWhole, attributes, text } of tokens(xml)) {
    if (name === undefined) {
      if (inParagraph > 0 && leftOut === 0) yield unescapeXml(text).replace(/\s+/g, ' ')
    } else if (name === 'text:tracked-changes' || name === 'office:annotation') {
      if (!isWhole) leftOut += isEnd ? -1 : 1
    } else if (name === 'text:p' || name === 'text:h') {
      if (isWhole || isEnd) yield leftOut === 0 ? '\n' : ''
      if (!isWhole) inParagraph += isEnd ? -1 : 1
    } else if (leftOut === 0 && !isEnd) {
      if (name === 'text:s')
        yield ' '.repeat(Math.min(Number(/ text:c="(\d+)"/.exec(attributes)?.[1] ?? 1), mostSpaces))
      if (name === 'text:tab') yield '\t'
      if (name === 'text:line-break') yield '\n'
    }
  }
}
