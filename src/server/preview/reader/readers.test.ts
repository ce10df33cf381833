import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as documents from '../../../../test/helpers/documents.ts'
import { randomFrom, testSeed } from '../../../../test/helpers/seed.ts'
import { answerSchema } from '../answer.ts'
import { previewLimits } from '../limits.ts'
import { chooseReader } from './choose-reader.ts'
import { openInput } from './file-input.ts'
import { Refused } from './refused.ts'

/** Reads in this process: only what our own readers read. */
async function read(bytes: Buffer, extension: string): Promise<void> {
  const limits = { ...previewLimits, documentBytes: 1 << 20 }
  const order = Buffer.from(`${JSON.stringify({ extension, size: bytes.length, limits })}\n`)
  async function* content(): AsyncGenerator<Buffer> {
    yield Buffer.concat([order, bytes])
  }
  try {
    const file = await openInput(content())
    const reader = await chooseReader(file)
    if (['docx', 'xlsx', 'pdf'].includes(reader.type)) return
    answerSchema.parse(await reader.read(file))
  } catch (thrown) {
    assert.ok(thrown instanceof Refused, `${String((thrown as Error).stack)}\n${bytes.toString('base64')}`)
  }
}

const mail =
  'From: =?utf-8?B?SsO8cmdlbg==?= <a@b>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-16\r\n' +
  'Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>a &#x41; b</p>\r\n--b--\r\n'
const webp = (chunk: string) =>
  Buffer.concat([Buffer.from(`RIFF\x30\0\0\0WEBP${chunk}\x10\0\0\0`), Buffer.alloc(30, 1)])

const samples: readonly (readonly [content: Buffer, extension: string])[] = [
  [
    documents.odt(
      '<text:p>One<text:s text:c="3"/> &amp; <text:tab/>two</text:p><office:annotation>x</office:annotation>',
    ),
    'odt',
  ],
  [documents.zipOf({ 'a.txt': 'words', 'b/c': 'more' }), 'zip'],
  [documents.zipOf({ '[Content_Types].xml': '', 'ppt/presentation.xml': '' }), 'pptx'],
  [documents.jpeg(640, 480, 6), 'jpg'],
  [documents.png(3, 2), 'png'],
  [webp('VP8 '), 'webp'],
  [webp('VP8X'), 'webp'],
  [documents.compound('Root', 'Workbook'), 'xls'],
  [Buffer.from('a;"b ""c""";d\r\n1;2;3\r\n'), 'csv'],
  [Buffer.from(mail), 'eml'],
  [Buffer.from('\ufeffGrüße 🙂\r\n', 'utf16le'), 'txt'],
]

test('whatever is done to a file, our own readers read it or refuse it', async () => {
  const random = randomFrom(testSeed())
  for (let round = 0; round < 5000; round++) {
    const [content, extension] = random.pick(samples)
    const file = Buffer.from(content)
    for (let change = random.below(5); change >= 0; change--) {
      const at = random.below(file.length)
      // Small and large numbers, and characters that mean something, find more than others.
      file[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, 0x22, 0x3c, 0x3d, random.below(256)])
    }
    await read(random.below(5) === 0 ? file.subarray(0, random.below(file.length)) : file, extension)
  }
})
