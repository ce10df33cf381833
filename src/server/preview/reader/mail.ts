import type { TextPreview } from '#protocol'
import type { FileInput } from './file-input.ts'
import { decodeBody, decodeHeader, mainValue, parameter, parseEntity, partsOf } from './mime.ts'
import type { Entity } from './mime.ts'
import { Room } from './room.ts'
import { firstBytes, textPreview } from './text.ts'
import { unescapeXml } from './xml.ts'

const shownHeaders = ['From', 'To', 'Cc', 'Date', 'Subject']

/** Bounds of what a message may be made of. */
const deepest = 8
const mostParts = 200

interface Found {
  plain: string | undefined
  html: string | undefined
  readonly attachments: string[]
  parts: number
}

/** The headers that people read, the text, and the names of what is attached. */
export async function readMail(file: FileInput): Promise<TextPreview> {
  const { bytes, isCutOff } = await firstBytes(file, file.limits.documentBytes)
  const message = parseEntity(bytes.toString('latin1'))
  const found: Found = { plain: undefined, html: undefined, attachments: [], parts: 0 }
  look(message, 0, found)
  const room = new Room(file.limits.textBytes)
  const text = room.take(
    [
      ...shownHeaders.flatMap((name) => headerLine(message, name)),
      ...found.attachments.map((name) => `Attachment: ${name}`),
      '',
      found.plain ?? plainText(found.html ?? ''),
    ].join('\n'),
  )
  return textPreview('mail', [text], { isCutOff: isCutOff || room.isCutOff || found.parts > mostParts })
}

function headerLine({ headers }: Entity, name: string): string[] {
  const value = headers.get(name.toLowerCase())
  return value === undefined ? [] : [`${name}: ${decodeHeader(value)}`]
}

function look(entity: Entity, depth: number, found: Found): void {
  const type = entity.headers.get('content-type') ?? 'text/plain'
  const disposition = entity.headers.get('content-disposition') ?? ''
  const boundary = parameter(type, 'boundary')
  if (mainValue(type).startsWith('multipart/') && boundary !== '' && depth < deepest) {
    for (const part of partsOf(entity.body, boundary)) {
      if (++found.parts > mostParts) return
      look(part, depth + 1, found)
    }
    return
  }
  const isAttached = mainValue(disposition) === 'attachment'
  if (mainValue(type) === 'text/plain' && !isAttached) found.plain ??= decodeBody(entity)
  else if (mainValue(type) === 'text/html' && !isAttached) found.html ??= decodeBody(entity)
  else
    found.attachments.push(
      decodeHeader(parameter(disposition, 'filename') || parameter(type, 'name') || mainValue(type)),
    )
}

/** The words of a page, for a message that has no other text. */
function plainText(html: string): string {
  return unescapeXml(
    html
      .replace(/<(style|script|head)\b[\s\S]*?<\/\1\s*>|<!--[\s\S]*?-->/gi, '')
      .replace(/\s+/g, ' ')
      .replace(/<(?:br|\/p|\/div|\/tr|\/li|\/h\d)\b[^<>]*>/gi, '\n')
      .replace(/<[^<>]*>/g, ''),
  )
    .replace(/[ \t]*\n[ \t]*/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}
