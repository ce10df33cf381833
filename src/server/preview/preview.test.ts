import assert from 'node:assert/strict'
import { test } from 'node:test'
import { previewSchema } from '#protocol'
import type { ImagePreview, NoPreview, TablePreview, TextPreview } from '#protocol'
import * as documents from '../../../test/helpers/documents.ts'
import { preview } from './index.ts'
import type { MadePreview, PreviewOptions } from './index.ts'

async function previewOf(
  name: string,
  content: Uint8Array | string,
  options: PreviewOptions = {},
): Promise<MadePreview> {
  const bytes = Buffer.from(content as string)
  const made = await preview({ name, size: bytes.length, content: bytes }, options)
  const { bytes: _, ...value } = made as MadePreview & { bytes?: unknown }
  assert.deepEqual(previewSchema.parse(made), value, 'the value is what the protocol says')
  return made
}

const text = async (...args: Parameters<typeof previewOf>) => (await previewOf(...args)) as TextPreview
const table = async (...args: Parameters<typeof previewOf>) => (await previewOf(...args)) as TablePreview

async function refusal(...args: Parameters<typeof previewOf>): Promise<Pick<NoPreview, 'type' | 'code' | 'reason'>> {
  const { type, code, reason, kind } = (await previewOf(...args)) as NoPreview
  assert.equal(kind, 'none')
  return { type, code, reason }
}

test('text is shown as it is, with its encoding: UTF-8, UTF-16 with a byte order mark, else Windows-1252', async () => {
  const words = 'Grüße – 5 €\r\nzweite Zeile\n'
  const shown = { kind: 'text', type: 'text', pages: [words], pageCount: null, lines: 2, isCutOff: false }
  assert.deepEqual(await text('a.txt', words), { ...shown, encoding: 'utf-8' })
  assert.deepEqual(await text('a.txt', `\ufeff${words}`), { ...shown, encoding: 'utf-8' })
  const little = Buffer.from(`\ufeff${words}`, 'utf16le')
  assert.deepEqual(await text('a.txt', little), { ...shown, encoding: 'utf-16le' })
  assert.deepEqual(await text('a.txt', Buffer.from(little).swap16()), { ...shown, encoding: 'utf-16be' })
  const windows = Buffer.from('Gr\xfc\xdfe \x96 5 \x80\r\nzweite Zeile\n', 'latin1')
  assert.deepEqual(await text('a.txt', windows), { ...shown, encoding: 'windows-1252' })
})

test('of a long text the beginning is shown, no character is cut in two, and it is said that it goes on', async () => {
  const long = await text('a.log', 'ü\n'.repeat(1000), { limits: { textBytes: 100 } })
  assert.deepEqual(long.pages, ['ü\n'.repeat(33)], '99 bytes: the hundredth is half a character')
  assert.equal(long.lines, 33)
  assert.equal(long.isCutOff, true)
  assert.equal((await text('a.log', 'x'.repeat(100), { limits: { textBytes: 100 } })).isCutOff, false)
})

test('what a file is, its content says and not its name', async () => {
  assert.equal((await previewOf('invoice.txt', documents.pdf(['Total 42']))).type, 'pdf')
  assert.equal((await previewOf('picture.png', 'just words')).type, 'text')
  assert.equal((await previewOf('letter.docx', documents.png(3, 2))).type, 'png')
  assert.equal((await previewOf('table.csv', documents.docx('no table'))).type, 'docx')
  assert.equal((await previewOf('BMW.txt', 'BMW and MZ are both motorcycles.')).type, 'text')
})

test('markup and scripts are text: pages, SVG images', async () => {
  for (const markup of [
    '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    '<!DOCTYPE html><p>',
  ]) {
    assert.deepEqual((await text('a.svg', markup)).pages, [markup])
  }
})

test('a name is nothing but a name, whatever is in it', async () => {
  for (const name of [
    '',
    '.',
    'a.',
    '.csv\n',
    '<img src=x onerror=alert(1)>.txt',
    '\u202etxt.exe',
    '\0',
    '__proto__',
    'a.__proto__',
    'a.constructor',
    '$(id).eml;',
    'x'.repeat(100_000),
    '"\n{"limits":{}}\n',
  ]) {
    assert.deepEqual((await text(name, 'words')).pages, ['words'])
  }
})

test('a table in text form is shown as rows, with any of the usual separators', async () => {
  const { sheets, sheetCount, isCutOff } = await table(
    'a.csv',
    'name;note\r\n"Meier; Söhne";"said ""yes""\ntwice"\r\n;\r\n=1+1;last',
  )
  assert.deepEqual(sheets, [
    {
      name: '',
      rows: [
        ['name', 'note'],
        ['Meier; Söhne', 'said "yes"\ntwice'],
        ['', ''],
        ['=1+1', 'last'],
      ],
    },
  ])
  assert.deepEqual([sheetCount, isCutOff], [1, false])
  for (const separator of [',', '\t', '|']) {
    const {
      sheets: [sheet],
    } = await table('a.tsv', `a${separator}b\n1${separator}2\n`)
    assert.deepEqual(sheet?.rows, [
      ['a', 'b'],
      ['1', '2'],
    ])
  }
})

test('of a large table the first rows, columns and characters are shown', async () => {
  const limits = { rows: 2, columns: 2, cellLength: 3 }
  const { sheets, isCutOff } = await table('a.csv', 'abcd,b,c\n1,2,3\n4,5,6\n', { limits })
  assert.deepEqual(sheets[0]?.rows, [
    ['abc', 'b'],
    ['1', '2'],
  ])
  assert.equal(isCutOff, true)
  assert.equal((await table('a.csv', 'abc,b\n1,2\n', { limits })).isCutOff, false)
})

test('images are handed on as they are, with a fixed content type, their size and how they are to be turned', async () => {
  const gif = Buffer.from(
    'GIF89a\x05\x00\x06\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;',
    'latin1',
  )
  const bmp = Buffer.alloc(58)
  bmp.write('BM')
  for (const [value, at] of [
    [58, 2],
    [54, 10],
    [40, 14],
    [7, 18],
    [-8, 22],
  ] as const)
    bmp.writeInt32LE(value, at)
  const webp = (chunk: string, ...bytes: readonly number[]) =>
    Buffer.concat([Buffer.from(`RIFF\x30\0\0\0WEBP${chunk}\x10\0\0\0`), Buffer.from(bytes), Buffer.alloc(24)])
  for (const [bytes, type, width, height, orientation] of [
    [documents.png(3, 2), 'png', 3, 2, 1],
    [documents.jpeg(640, 480, 6), 'jpeg', 640, 480, 6],
    [gif, 'gif', 5, 6, 1],
    [bmp, 'bmp', 7, 8, 1],
    [webp('VP8 ', 0, 0, 0, 0x9d, 1, 0x2a, 9, 0, 10, 0), 'webp', 9, 10, 1],
    [webp('VP8L', 0x2f, 10, 0xc0, 2, 0), 'webp', 11, 12, 1],
    [webp('VP8X', 0, 0, 0, 0, 12, 0, 0, 13, 0, 0), 'webp', 13, 14, 1],
  ] as const) {
    const { bytes: shown, ...about } = (await previewOf('a.html', bytes)) as ImagePreview & { bytes: Uint8Array }
    assert.deepEqual(about, { kind: 'image', type, contentType: `image/${type}`, width, height, orientation })
    assert.ok(bytes.equals(shown), type)
  }
})

test('a Word document is shown as its paragraphs', async () => {
  const { pages, encoding, lines } = await text(
    'Offer.docx',
    documents.docx('Offer – №&#160;7', 'a &lt;b&gt; &amp; c', 'Grüße'),
  )
  assert.deepEqual(pages, ['Offer – №\u00a07\na <b> & c\nGrüße\n'])
  assert.deepEqual([encoding, lines], [null, 3])
})

test('an OpenDocument text is shown as its paragraphs, without what was deleted', async () => {
  const body =
    '<text:tracked-changes><text:p>gone</text:p></text:tracked-changes><text:h>Title</text:h><text:p/>' +
    '<text:p>a<text:s text:c="3"/>b<text:tab/><text:span>c &amp;\n d</text:span><office:annotation><text:p>note</text:p></office:annotation><text:line-break/>e</text:p>'
  assert.deepEqual((await text('a.odt', documents.odt(body))).pages, ['Title\n\na   b\tc & d\ne\n'])
})

test('an Excel workbook is shown as the first rows of its sheets', async () => {
  const first =
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>in place</t></is></c></row>' +
    '<row r="3"><c r="A3"><v>-1.5</v></c><c r="B3" s="1"><v>46053</v></c><c r="C3" t="b"><v>1</v></c><c r="D3" s="1"><v>46053.75</v></c><c r="E3" t="str"><f>1</f><v> a </v></c></row>'
  const second = Array.from(
    { length: 300 },
    (_, at) => `<row r="${at + 1}"><c r="A${at + 1}"><v>${at}</v></c></row>`,
  ).join('')
  const parts = documents.xlsxParts({ Übersicht: first, Lang: second }, ['shared &amp; more'])
  const { sheets, sheetCount, isCutOff } = await table('a.xlsx', documents.zipOf(parts))
  assert.deepEqual(sheets[0], {
    name: 'Übersicht',
    rows: [
      ['shared & more', '', 'in place', '', ''],
      ['', '', '', '', ''],
      ['-1.5', '2026-01-31', 'true', '2026-01-31 18:00:00', ' a '],
    ],
  })
  assert.deepEqual(
    sheets[1]?.rows,
    Array.from({ length: 200 }, (_, at) => [String(at)]),
  )
  assert.deepEqual([sheetCount, isCutOff], [2, true])
})

test('a PDF document is shown as the text of its first pages', async () => {
  const { pages, pageCount, isCutOff } = await text('a.pdf', documents.pdf(['First page', 'Second \\(2\\)']))
  assert.deepEqual(pages, ['First page', 'Second (2)'])
  assert.deepEqual([pageCount, isCutOff], [2, false])
  const cut = await text('a.pdf', documents.pdf(['a', 'b', 'c']), { limits: { pages: 2 } })
  assert.deepEqual([cut.pages, cut.pageCount, cut.isCutOff], [['a', 'b'], 3, true])
})

test('an e-mail is shown with its headers, its text and the names of what is attached', async () => {
  const mail = [
    'Received: from a by b',
    'From: =?utf-8?Q?J=C3=BCrgen_?= =?utf-8?B?TcO8bGxlcg==?= <j@example.com>',
    'Subject: a long',
    '\tsubject',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="outer"',
    '',
    'ignored',
    '--outer',
    'Content-Type: multipart/alternative; boundary=inner',
    '',
    '--inner',
    'Content-Type: text/plain; charset=iso-8859-1',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'Sch=F6ne Gr=FC=',
    '=DFe',
    '--inner',
    'Content-Type: text/html',
    '',
    '<p>not this</p>',
    '--inner--',
    '--outer',
    'Content-Type: application/pdf; name="=?utf-8?Q?Rechnung=20M=C3=A4rz.pdf?="',
    'Content-Disposition: attachment',
    'Content-Transfer-Encoding: base64',
    '',
    'AAAA',
    '--outer--',
    '',
  ].join('\r\n')
  assert.deepEqual((await text('a.eml', mail)).pages, [
    'From: Jürgen Müller <j@example.com>\nSubject: a long subject\nAttachment: Rechnung März.pdf\n\nSchöne Grüße',
  ])
  const page =
    'Subject: x\nContent-Type: text/html; charset=utf-8\n\n<style>p{}</style><p>One &amp; two</p><p>drei<br>vier</p>'
  assert.deepEqual((await text('a.eml', page)).pages, ['Subject: x\n\nOne & two\ndrei\nvier'])
})

test('of an archive its list is shown', async () => {
  const { sheets } = await table('a.zip', documents.zipOf({ 'folder/a.txt': 'abc', '../<b>': '' }))
  assert.deepEqual(sheets[0]?.rows, [
    ['Name', 'Bytes', 'Changed'],
    ['folder/a.txt', '3', '2026-01-31 13:05'],
    ['../<b>', '0', '2026-01-31 13:05'],
  ])
})

test('what cannot be shown is named, with the reason', async () => {
  const random = Buffer.from(Array.from({ length: 512 }, (_, at) => (at * 151) % 256))
  for (const [bytes, type, code] of [
    ['', 'unknown', 'PREVIEW_EMPTY'],
    ['SQLite format 3\0\x10\0', 'database', 'PREVIEW_NO_READER'],
    ['\x7fELF\x02\x01\x01\0', 'program', 'PREVIEW_NO_READER'],
    ['MZ\x90\0\x03\0\0\0', 'program', 'PREVIEW_NO_READER'],
    [random, 'unknown', 'PREVIEW_NO_READER'],
    [documents.compound('1Table', 'WordDocument'), 'doc', 'PREVIEW_OLD_FORMAT'],
    [documents.compound('Workbook'), 'xls', 'PREVIEW_OLD_FORMAT'],
    [documents.compound('EncryptionInfo', 'EncryptedPackage'), 'office', 'PREVIEW_LOCKED'],
    [documents.compound('something'), 'unknown', 'PREVIEW_NO_READER'],
    [documents.zipOf({ 'word/document.xml': 'a', '[Content_Types].xml': '' }, { flags: 1 }), 'docx', 'PREVIEW_LOCKED'],
    [documents.pdf(['']), 'pdf', 'PREVIEW_NO_TEXT'],
    [documents.docx(''), 'docx', 'PREVIEW_NO_TEXT'],
    [documents.zipOf({ 'ppt/presentation.xml': '', '[Content_Types].xml': '' }), 'presentation', 'PREVIEW_NO_READER'],
  ] as const) {
    const { reason, ...shown } = await refusal('a.txt', bytes)
    assert.deepEqual(shown, { type, code })
    assert.match(reason, /^[A-Z][^{}]*\.$/)
  }
})

test('a locked PDF document is known as one', async () => {
  const locked = documents
    .pdf(['x'])
    .toString('latin1')
    .replace(
      '/Root 1 0 R',
      `/Root 1 0 R /ID [<00><00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <${'00'.repeat(32)}> /U <${'00'.repeat(32)}> >>`,
    )
  assert.deepEqual(await refusal('a.pdf', Buffer.from(locked, 'latin1')), {
    type: 'pdf',
    code: 'PREVIEW_LOCKED',
    reason: 'This is a PDF document that is protected by a password.',
  })
})
