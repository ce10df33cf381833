import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, deflateSync } from 'node:zlib'
import * as documents from '../../../test/helpers/documents.ts'
import { randomFrom, testSeed } from '../../../test/helpers/seed.ts'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import { preview } from './index.ts'
import type { FileToPreview, MadePreview, PreviewOptions } from './index.ts'

async function previewOf(content: Uint8Array, options: PreviewOptions = {}): Promise<MadePreview> {
  return await preview({ name: 'file', size: content.length, content }, options)
}

async function codeOf(...args: Parameters<typeof previewOf>): Promise<string> {
  const made = await previewOf(...args)
  return made.kind === 'none' ? made.code : made.kind
}

/** A file that goes on without end, and counts how much of it was read. */
function endless(piece: Uint8Array): FileToPreview & { readonly read: number; readonly isClosed: boolean } {
  let [read, isClosed] = [0, false]
  async function* content(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        read += piece.length
        yield piece
      }
    } finally {
      isClosed = true
    }
  }
  return {
    name: 'file',
    size: 200e6,
    content: content(),
    get read() {
      return read
    },
    get isClosed() {
      return isClosed
    },
  }
}

test('of a line of 200 MB only the beginning is read', async () => {
  const file = endless(Buffer.alloc(64 << 10, 'x'))
  const made = await preview(file)
  assert.ok(made.kind === 'text' && made.isCutOff)
  assert.equal(made.pages[0], 'x'.repeat(256 << 10))
  assert.ok(file.read < 4 << 20, `${file.read} bytes were read`)
  assert.ok(file.isClosed)
})

test('a document is not read beyond the size up to which they are, whatever size is said', async () => {
  const limits = { documentBytes: 1 << 20 }
  const start = Buffer.concat([documents.pdf(['x']).subarray(0, 100), Buffer.alloc(64 << 10)])
  const honest = endless(start)
  assert.deepEqual(await preview(honest, { limits }), {
    kind: 'none',
    type: 'pdf',
    code: 'PREVIEW_FILE_TOO_LARGE',
    reason: 'This is a PDF document, and larger than the 1.000 MiB up to which such files are previewed.',
    hint: 'Get the file back and open it with its own program.',
  })
  const lying = endless(start)
  assert.equal((await preview({ ...lying, size: 5 }, { limits })).kind, 'none')
  assert.ok(lying.read <= honest.read + (4 << 20) && honest.read < 4 << 20)
})

/** Zeros that pack to a thousandth. */
const gigabyte = deflateBomb(1 << 30)

function deflateBomb(length: number): Buffer {
  // A stored block of each megabyte would be as large as it; the same packed megabyte over and over is not.
  const piece = deflateSync(Buffer.alloc(1 << 20), { finishFlush: constants.Z_FULL_FLUSH }).subarray(2)
  return Buffer.concat([...Array.from({ length: length >> 20 }, () => piece), Buffer.from([3, 0])])
}

/** A ZIP file in which every part is a bomb, all of them the same bytes: as in the well-known 42.zip and its successors. */
function bombs(names: readonly string[], claimedSize: number): Buffer {
  const zip = documents.zipOf(Object.fromEntries([...names].map((name) => [name, '']).toReversed()), { claimedSize })
  const list = zip.subarray(zip.indexOf('PK\x01\x02'))
  const local = Buffer.concat([zip.subarray(0, 30), gigabyte])
  local.writeUInt16LE(0, 26)
  for (let at = 0; list.readUInt32LE(at) === 0x02014b50; at += 46 + list.readUInt16LE(at + 28)) {
    list.writeUInt32LE(gigabyte.length, at + 20)
    list.writeUInt32LE(0, at + 42)
  }
  list.writeUInt32LE(local.length, list.length - 6)
  return Buffer.concat([local, list])
}

test('what unpacks to a gigabyte is not unpacked, whatever size it claims', async () => {
  for (const claimedSize of [100, 1 << 30]) {
    for (const [type, ...names] of [
      ['docx', '[Content_Types].xml', 'word/document.xml', '_rels/.rels'],
      ['xlsx', '[Content_Types].xml', 'xl/workbook.xml', 'xl/sharedStrings.xml'],
    ] as const) {
      const made = await previewOf(bombs(names, claimedSize))
      assert.ok(made.kind === 'none' && made.type === type)
      assert.equal(
        made.reason,
        `This is ${type === 'docx' ? 'a Word document' : 'an Excel workbook'} that unpacks to more than 64.000 MiB.`,
      )
    }
  }
  const list = await previewOf(
    bombs(
      Array.from({ length: 16 }, (_, at) => `lib ${at}.zip`),
      0xfffffffe,
    ),
  )
  assert.equal(list.kind, 'table', 'an archive is not unpacked to be listed')
})

test('XML with entities that grow without end, or that reach for other files, is not read', async () => {
  const laughs = Array.from({ length: 12 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`).join('')
  for (const declaration of [
    `<!DOCTYPE x [<!ENTITY l0 "lol">${laughs}]>`,
    '<!DOCTYPE x [<!ENTITY l12 SYSTEM "file:///etc/passwd">]>',
  ]) {
    const spoil = (parts: Record<string, string>, name: string) =>
      documents.zipOf({
        ...parts,
        [name]: (parts[name] as string).replace('?>', `?>${declaration}`).replace('TEXT', '&l12;'),
      })
    const row = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    assert.equal(
      await codeOf(spoil(documents.docxParts(documents.paragraph('TEXT')), 'word/document.xml')),
      'PREVIEW_DAMAGED',
    )
    assert.equal(
      await codeOf(spoil(documents.xlsxParts({ a: row }, ['TEXT']), 'xl/sharedStrings.xml')),
      'PREVIEW_DAMAGED',
    )
  }
})

test('documents that are nested without end, or have rows and columns without end, do no harm', async () => {
  const deep = `${'<w:p>'.repeat(200_000)}${'</w:p>'.repeat(200_000)}`
  assert.match(
    await codeOf(documents.zipOf(documents.docxParts(deep)), { limits: { milliseconds: 5_000 } }),
    /^PREVIEW_(DAMAGED|TOO_|NO_TEXT)/,
  )
  const far = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
  const wide = '<row r="1"><c r="XFD1"><v>3</v></c></row>'
  const made = await previewOf(documents.zipOf(documents.xlsxParts({ far, wide })))
  assert.ok(made.kind === 'table' && made.isCutOff)
  assert.deepEqual(made.sheets[0]?.rows, [['1']])
  assert.deepEqual(made.sheets[1]?.rows, [Array.from({ length: 50 }, () => '')])
})

test('PDF documents that lead in circles, or grow without end, do no harm', async () => {
  const limits = { milliseconds: 5_000 }
  const circle = documents.pdfOf([
    [1, '<< /Type /Catalog /Pages 2 0 R >>'],
    [2, '<< /Type /Pages /Count 2 /Kids [2 0 R 2 0 R] >>'],
  ])
  const form =
    '<< /Type /XObject /Subtype /Form /BBox [0 0 1 1] /Resources << /XObject << /X 100 0 R >> >> /Length 5 >>\nstream\n/X Do\nendstream'
  const recursive = documents
    .pdf(['text) Tj /X Do ('], [form])
    .toString('latin1')
    .replaceAll('/Font <<', '/XObject << /X 100 0 R >> /Font <<')
  const many = documents.pdf(Array.from({ length: 3000 }, (_, at) => String(at)))
  const packed = gigabyte.toString('latin1')
  const bomb = documents.pdfOf([
    [1, '<< /Type /Catalog /Pages 2 0 R >>'],
    [2, '<< /Type /Pages /Count 1 /Kids [3 0 R] >>'],
    [3, '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>'],
    [4, `<< /Filter /FlateDecode /Length ${packed.length + 2} >>\nstream\n\x78\x01${packed}\nendstream`],
  ])
  const unending = Buffer.concat([documents.pdf(['x']), Buffer.from('9 0 obj\n<< /A ['.repeat(200_000))])
  for (const file of [circle, Buffer.from(recursive, 'latin1'), bomb, unending]) {
    assert.match(await codeOf(file, { limits }), /^(text|PREVIEW_(DAMAGED|TOO_SLOW|TOO_MUCH_MEMORY|NO_TEXT))$/)
  }
  const made = await previewOf(many)
  assert.ok(made.kind === 'text' && made.pages.length === 50 && made.pageCount === 3000)
})

test('an image that would fill the memory of whoever looks at it is kept back', async () => {
  for (const [bytes, type] of [
    [documents.png(100_000, 100_000), 'PNG'],
    [documents.jpeg(65_000, 65_000, 1), 'JPEG'],
  ] as const) {
    const made = await previewOf(bytes)
    assert.equal(made.kind === 'none' && made.reason, `This is a ${type} image of more than 50 million pixels.`)
  }
  assert.equal(await codeOf(documents.png(0, 5)), 'PREVIEW_DAMAGED')
  assert.equal(await codeOf(documents.png(3, 2).subarray(0, 20)), 'PREVIEW_DAMAGED')
  assert.equal(await codeOf(documents.png(30, 20), { limits: { imageBytes: 40 } }), 'PREVIEW_FILE_TOO_LARGE')
})

test('a file that takes too long is given up, and its process is gone', async () => {
  const made = await previewOf(documents.pdf(['x']), { clock: new SettableClock() })
  assert.equal(made.kind === 'none' && made.code, 'PREVIEW_TOO_SLOW')
  assert.equal(
    made.kind === 'none' && made.reason,
    'The preview was given up: reading the file took more than 20 seconds.',
  )
})

test('who reads the storage learns its errors, and who cancels is not kept waiting', async () => {
  const failing = new Error('the pack is not there')
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('%PDF-1.4\n')
    throw failing
  }
  await assert.rejects(preview({ name: 'a', size: 1000, content: broken() }), failing)

  const cancelled = new AbortController()
  async function* stuck(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('%PDF-1.4\n')
    cancelled.abort(new Error('enough'))
    await new Promise(() => undefined) // and it does not listen
  }
  await assert.rejects(preview({ name: 'a', size: 1000, content: stuck() }, { signal: cancelled.signal }), /enough/)
  await assert.rejects(
    preview({ name: 'a', size: 1, content: Buffer.from('a') }, { signal: AbortSignal.abort(new Error('before')) }),
    /before/,
  )
})

test('whatever a file is changed to, there is an answer, and our own readers do not fail', async () => {
  const random = randomFrom(testSeed())
  const cells = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1"><v>7</v></c></row>'
  const samples = [
    documents.docx('One', 'two'),
    documents.zipOf(documents.xlsxParts({ a: cells }, ['shared'])),
    documents.pdf(['One', 'two']),
    documents.odt('<text:p>One</text:p>'),
    documents.jpeg(640, 480, 6),
  ]
  for (let round = 0; round < 30; round++) {
    const file = Buffer.from(random.pick(samples))
    // The first bytes stay, so that most reach a reader.
    for (let change = random.below(8); change >= 0; change--)
      file[8 + random.below(file.length - 8)] = random.below(256)
    const cut = random.below(4) === 0 ? file.subarray(0, random.below(file.length)) : file
    assert.notEqual(
      await codeOf(cut, { limits: { milliseconds: 10_000 } }),
      'PREVIEW_READER_FAILED',
      cut.toString('base64'),
    )
  }
})
