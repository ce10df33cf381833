import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { GoJsonWriter, isPlainAscii } from './go-json.ts'
import { propertyOptions } from './testing.ts'

function written(text: string): string {
  return new GoJsonWriter(1).string(text).finish().toString()
}

test('strings are escaped as Go escapes them', () => {
  assert.equal(written('plain text / ~'), '"plain text / ~"')
  assert.equal(written('\u0000\u0001\b\f\n\r\t\u001f\u007f'), '"\\u0000\\u0001\\b\\f\\n\\r\\t\\u001f\u007f"')
  assert.equal(written('<a href="x">&\\'), '"\\u003ca href=\\"x\\"\\u003e\\u0026\\\\"')
  assert.equal(written('é😀\u2027\u2028\u2029\u202a\ufeff\ufffd'), '"é😀\u2027\\u2028\\u2029\u202a\ufeff\ufffd"')
})

test('bytes that are not UTF-8 become the text \\ufffd, one for each', () => {
  const bytes = Buffer.from('a\xff\xe2\x82<\xc3\xa9', 'latin1')
  assert.equal(new GoJsonWriter(1).stringFromBytes(bytes).finish().toString(), '"a\\ufffd\\ufffd\\ufffd\\u003cé"')
})

test('a lone surrogate becomes U+FFFD', () => {
  assert.equal(written('a\ud800b'), '"a\ufffdb"')
})

test('whatever is written is read back by any JSON parser', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.equal(JSON.parse(written(text)), text.toWellFormed())
    }),
    propertyOptions,
  )
})

test('base64, ids and lists are written as Go writes them', () => {
  const ids = Buffer.concat([Buffer.alloc(32, 0xab), Buffer.alloc(32, 0x01)])
  const writer = new GoJsonWriter(1)
  writer
    .base64(Buffer.from([255, 254]))
    .base64(Buffer.alloc(0))
    .idList(ids)
    .idList(Buffer.alloc(0))
    .stringList(['a', '<'])
  assert.equal(writer.take().toString(), `"//4="""["${'ab'.repeat(32)}","${'01'.repeat(32)}"][]["a","\\u003c"]`)
  assert.equal(writer.length, 0)
})

test('only ASCII that needs no escape counts as plain', () => {
  assert.equal(isPlainAscii(Buffer.from("file name-1.txt'")), true)
  for (const odd of ['é', '"', '\\', '<', '>', '&', '\n', '\u007f']) assert.equal(isPlainAscii(Buffer.from(odd)), false)
})
