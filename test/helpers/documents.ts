/** Small real documents, made here: of each kind what its programs write at least. */
import { crc32, deflateRawSync } from 'node:zlib'

export type Parts = Readonly<Record<string, string | Uint8Array>>

interface ZipOptions {
  /** What the list says of the unpacked size, where it is to lie. */
  readonly claimedSize?: number
  /** Bit 0: locked by a password. */
  readonly flags?: number
}

/** A ZIP file, packed, its parts in this order. */
export function zipOf(parts: Parts, { claimedSize, flags = 0x800 }: ZipOptions = {}): Buffer {
  const files: Buffer[] = []
  const list: Buffer[] = []
  let offset = 0
  for (const [path, content] of Object.entries(parts)) {
    const bytes = Buffer.from(content as string)
    const packed = deflateRawSync(bytes, { level: 9 })
    const name = Buffer.from(path)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(20, 4)
    local.writeUInt16LE(flags, 6)
    local.writeUInt16LE(8, 8)
    local.writeUInt32LE((((2026 - 1980) << 25) | (1 << 21) | (31 << 16) | (13 << 11) | (5 << 5)) >>> 0, 10)
    local.writeUInt32LE(crc32(bytes), 14)
    local.writeUInt32LE(packed.length, 18)
    local.writeUInt32LE(claimedSize ?? bytes.length, 22)
    local.writeUInt16LE(name.length, 26)
    const entry = Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), local.subarray(4, 30), Buffer.alloc(14)])
    entry.writeUInt32LE(offset, 42)
    files.push(local, name, packed)
    list.push(entry, name)
    offset += local.length + name.length + packed.length
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Object.keys(parts).length, 8)
  end.writeUInt16LE(Object.keys(parts).length, 10)
  end.writeUInt32LE(Buffer.concat(list).length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...files, ...list, end])
}

const xmlHead = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const office = 'http://schemas.openxmlformats.org'

function relationships(...list: readonly (readonly [id: string, type: string, target: string])[]): string {
  const lines = list.map(
    ([id, type, target]) =>
      `<Relationship Id="${id}" Type="${office}/officeDocument/2006/relationships/${type}" Target="${target}"/>`,
  )
  return `${xmlHead}<Relationships xmlns="${office}/package/2006/relationships">${lines.join('')}</Relationships>`
}

function contentTypes(part: string, type: string): string {
  return (
    `${xmlHead}<Types xmlns="${office}/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/>` +
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
    `<Override PartName="/${part}" ContentType="application/vnd.openxmlformats-officedocument.${type}.main+xml"/></Types>`
  )
}

/** The parts of a Word document; `body` is what stands in its `w:body`. */
export function docxParts(body: string): Record<string, string> {
  return {
    '[Content_Types].xml': contentTypes('word/document.xml', 'wordprocessingml.document'),
    '_rels/.rels': relationships(['rId1', 'officeDocument', 'word/document.xml']),
    'word/document.xml': `${xmlHead}<w:document xmlns:w="${office}/wordprocessingml/2006/main"><w:body>${body}</w:body></w:document>`,
  }
}

export function paragraph(text: string): string {
  return `<w:p><w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`
}

export function docx(...paragraphs: readonly string[]): Buffer {
  return zipOf(docxParts(paragraphs.map(paragraph).join('')))
}

/** The parts of an Excel workbook; sheets are what stands in their `sheetData`. Style 1 is a day, strings are shared. */
export function xlsxParts(
  sheets: Readonly<Record<string, string>>,
  strings: readonly string[] = [],
): Record<string, string> {
  const names = Object.keys(sheets)
  const main = `${office}/spreadsheetml/2006/main`
  const list = names.map((name, at) => `<sheet name="${name}" sheetId="${at + 1}" r:id="rId${at + 1}"/>`)
  return {
    '[Content_Types].xml': contentTypes('xl/workbook.xml', 'spreadsheetml.sheet'),
    '_rels/.rels': relationships(['rId1', 'officeDocument', 'xl/workbook.xml']),
    'xl/workbook.xml': `${xmlHead}<workbook xmlns="${main}" xmlns:r="${office}/officeDocument/2006/relationships"><sheets>${list.join('')}</sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': relationships(
      ...names.map((_, at) => [`rId${at + 1}`, 'worksheet', `worksheets/sheet${at + 1}.xml`] as const),
      ['rIdStrings', 'sharedStrings', 'sharedStrings.xml'],
      ['rIdStyles', 'styles', 'styles.xml'],
    ),
    'xl/sharedStrings.xml': `${xmlHead}<sst xmlns="${main}">${strings.map((text) => `<si><t>${text}</t></si>`).join('')}</sst>`,
    'xl/styles.xml': `${xmlHead}<styleSheet xmlns="${main}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>`,
    ...Object.fromEntries(
      Object.values(sheets).map((rows, at) => [
        `xl/worksheets/sheet${at + 1}.xml`,
        `${xmlHead}<worksheet xmlns="${main}"><sheetData>${rows}</sheetData></worksheet>`,
      ]),
    ),
  }
}

/** An OpenDocument text; `body` is what stands in its `office:text`. */
export function odt(body: string): Buffer {
  return zipOf({
    mimetype: 'application/vnd.oasis.opendocument.text',
    'content.xml': `${xmlHead}<office:document-content><office:body><office:text>${body}</office:text></office:body></office:document-content>`,
  })
}

/** A PDF document, a page for each text; `more` are objects of its own, numbered from 100. */
export function pdf(texts: readonly string[], more: readonly string[] = []): Buffer {
  const pages = texts.map((_, at) => 10 + 2 * at)
  const objects: (readonly [number, string])[] = [
    [1, '<< /Type /Catalog /Pages 2 0 R >>'],
    [2, `<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((page) => `${page} 0 R`).join(' ')}] >>`],
    [3, '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>'],
    ...texts.flatMap((text, at) => {
      const content = text === '' ? '' : `BT /F1 12 Tf 72 720 Td (${text}) Tj ET`
      return [
        [
          10 + 2 * at,
          `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents ${11 + 2 * at} 0 R >>`,
        ],
        [11 + 2 * at, `<< /Length ${content.length} >>\nstream\n${content}\nendstream`],
      ] as const
    }),
    ...more.map((object, at) => [100 + at, object] as const),
  ]
  return pdfOf(objects)
}

/** A PDF document of these objects; the first is its catalogue. */
export function pdfOf(objects: readonly (readonly [number: number, content: string])[]): Buffer {
  let text = '%PDF-1.4\n'
  const table = objects.map(([number, content]) => {
    const line = `${number} 1\n${String(text.length).padStart(10, '0')} 00000 n \n`
    text += `${number} 0 obj\n${content}\nendobj\n`
    return line
  })
  const size = Math.max(...objects.map(([number]) => number)) + 1
  return Buffer.from(
    `${text}xref\n0 1\n0000000000 65535 f \n${table.join('')}trailer\n<< /Size ${size} /Root ${objects[0]?.[0]} 0 R >>\nstartxref\n${text.length}\n%%EOF\n`,
    'latin1',
  )
}

/** A PNG of these pixels, grey, all in one color. */
export function png(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 8
  const rows = width * height < 1e6 ? Buffer.alloc((width + 1) * height) : Buffer.alloc(1)
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    pngChunk('IDAT', Buffer.concat([Buffer.from([0x78, 1]), deflateRawSync(rows), Buffer.alloc(4)])),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

function pngChunk(type: string, content: Buffer): Buffer {
  const chunk = Buffer.alloc(12 + content.length)
  chunk.writeUInt32BE(content.length, 0)
  chunk.write(type, 4, 'latin1')
  content.copy(chunk, 8)
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + content.length)), 8 + content.length)
  return chunk
}

/** The headers of a JPEG with its orientation in EXIF, as cameras write them; the image itself is left out. */
export function jpeg(width: number, height: number, orientation: number): Buffer {
  const exif = Buffer.from(
    `Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0${String.fromCharCode(orientation)}\0\0\0\0\0\0`,
    'latin1',
  )
  const size = Buffer.alloc(15)
  size[0] = 8
  size.writeUInt16BE(height, 1)
  size.writeUInt16BE(width, 3)
  const segment = (marker: number, content: Buffer) =>
    Buffer.concat([Buffer.from([0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 255]), content])
  return Buffer.concat([Buffer.from([0xff, 0xd8]), segment(0xe1, exif), segment(0xc0, size), Buffer.from([0xff, 0xd9])])
}

/** A compound file whose folder has streams of these names. */
export function compound(...streams: readonly string[]): Buffer {
  const bytes = Buffer.alloc(512 * 3 + 128 * streams.length)
  bytes.write('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'latin1')
  bytes.writeUInt16LE(9, 30)
  bytes.writeUInt32LE(1, 48)
  for (const [at, name] of ['Root Entry', ...streams].entries()) bytes.write(`${name}\0`, 1024 + 128 * at, 'utf16le')
  return bytes
}
