import { getResolvedPDFJS } from 'unpdf'
import type { TextPreview } from '#protocol'
import type { FileInput } from './file-input.ts'
import { Refused, readBy } from './refused.ts'
import { Room } from './room.ts'
import { documentPreview } from './text.ts'

// Now, and not when it is first used: then no module can be loaded any more.
const { getDocument } = await getResolvedPDFJS()

/** The text of the first pages of a PDF document. Nothing is drawn, no script run, nothing fetched. */
export async function readPdf(file: FileInput): Promise<TextPreview> {
  const { limits } = file
  const data = new Uint8Array(await file.whole(limits.documentBytes))
  return await readBy(async () => {
    const document = await open(data)
    const room = new Room(limits.textBytes)
    const pages: string[] = []
    for (let page = 1; page <= Math.min(document.numPages, limits.pages) && !room.isCutOff; page++) {
      pages.push(await pageText(await document.getPage(page), room))
    }
    const isCutOff = room.isCutOff || document.numPages > pages.length
    return documentPreview('pdf', pages, { isCutOff, pageCount: document.numPages })
  })
}

type Document = Awaited<ReturnType<typeof getDocument>['promise']>

async function open(data: Uint8Array): Promise<Document> {
  const settings = {
    verbosity: 0,
    disableFontFace: true,
    useSystemFonts: false,
    useWasm: false,
    useWorkerFetch: false,
    isEvalSupported: false,
    isOffscreenCanvasSupported: false,
    maxImageSize: 1,
  }
  try {
    return await getDocument({ data, ...settings }).promise
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'PasswordException') throw new Refused('PREVIEW_LOCKED')
    throw thrown
  }
}

async function pageText(page: Awaited<ReturnType<Document['getPage']>>, room: Room): Promise<string> {
  const pieces: string[] = []
  const reader = page.streamTextContent().getReader()
  while (!room.isCutOff) {
    const { value, done } = await reader.read()
    if (done) break
    for (const item of value.items) {
      if ('str' in item) pieces.push(room.take(item.str + (item.hasEOL ? '\n' : '')))
    }
  }
  page.cleanup()
  return pieces.join('')
}
