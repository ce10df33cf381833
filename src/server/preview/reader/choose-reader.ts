import type { PreviewType } from '#protocol'
import type { Answer } from '../answer.ts'
import { readArchive } from './archive.ts'
import { refuseCompound } from './compound.ts'
import { readCsv } from './csv.ts'
import type { FileInput } from './file-input.ts'
import { readImage } from './image.ts'
import { readMail } from './mail.ts'
import { readOdt } from './odt.ts'
import type { Packed } from './parts.ts'
import { headLength, recognise } from './recognise.ts'
import type { Recognised } from './recognise.ts'
import { Refused } from './refused.ts'
import { readText } from './text.ts'
import { Unpacking, listZip } from './zip.ts'

/** Who reads a file; all modules that this takes are loaded. */
export interface Reader {
  readonly type: PreviewType
  readonly read: (file: FileInput) => Promise<Answer>
}

type Loaders<Read> = Readonly<Partial<Record<Recognised, () => Read | Promise<Read>>>>

const loaders: Loaders<Reader['read']> = {
  text: () => readText,
  csv: () => readCsv,
  mail: () => readMail,
  pdf: async () => (await import('./pdf.ts')).readPdf,
  png: () => async (file) => await readImage(file, 'png'),
  jpeg: () => async (file) => await readImage(file, 'jpeg'),
  gif: () => async (file) => await readImage(file, 'gif'),
  webp: () => async (file) => await readImage(file, 'webp'),
  bmp: () => async (file) => await readImage(file, 'bmp'),
  compound: () => refuseCompound,
}

const packedLoaders: Loaders<(file: FileInput, packed: Packed) => Promise<Answer>> = {
  docx: async () => (await import('./docx.ts')).readDocx,
  xlsx: async () => (await import('./xlsx.ts')).readXlsx,
  odt: () => readOdt,
  zip: () => readArchive,
}

/** By the file's first bytes, and of packed documents by the list of their parts. */
export async function chooseReader(file: FileInput): Promise<Reader> {
  const head = await file.first(headLength)
  if (head.length === 0) throw new Refused('PREVIEW_EMPTY', 'unknown')
  const recognised = recognise(head, file.extension)
  if (recognised === 'zip') return await chooseForPacked(file)
  const type = recognised === 'compound' ? 'unknown' : recognised
  const read = await loaders[recognised]?.()
  if (!read) throw new Refused('PREVIEW_NO_READER', type)
  return { type, read }
}

async function chooseForPacked(file: FileInput): Promise<Reader> {
  const bytes = await file.whole(file.limits.documentBytes)
  const packed = { bytes, entries: listZip(bytes) }
  const type = await typeOfPacked(packed)
  const read = await packedLoaders[type]?.()
  if (!read) throw new Refused('PREVIEW_NO_READER', type)
  return { type, read: async (input) => await read(input, packed) }
}

/** By the main part of Office documents (ECMA-376 leaves its name free; all programs use these). */
const mainParts: Readonly<Record<string, PreviewType>> = {
  'word/document.xml': 'docx',
  'xl/workbook.xml': 'xlsx',
  'xl/workbook.bin': 'xlsb',
  'ppt/presentation.xml': 'presentation',
}

const openDocument = 'application/vnd.oasis.opendocument.'

const openDocumentTypes: Readonly<Record<string, PreviewType>> = {
  text: 'odt',
  'text-template': 'odt',
  spreadsheet: 'spreadsheet',
  presentation: 'presentation',
  graphics: 'drawing',
}

async function typeOfPacked({ bytes, entries }: Packed): Promise<PreviewType> {
  if (entries.some(({ name }) => name === '[Content_Types].xml')) {
    const main = entries.find(({ name }) => Object.hasOwn(mainParts, name))
    return (main && mainParts[main.name]) ?? 'zip'
  }
  const [first] = entries
  if (first?.name !== 'mimetype') return 'zip'
  const { bytes: content } = await new Unpacking(bytes, 1024).unpack(first, 100)
  const mime = content.toString('latin1').trim()
  return (mime.startsWith(openDocument) && openDocumentTypes[mime.slice(openDocument.length)]) || 'zip'
}
