import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FormatError } from './errors.ts'
import { JsonReader } from './json-reader.ts'
import { anyDamage, damage, propertyOptions } from './testing.ts'

function reader(json: string | Uint8Array): JsonReader {
  return new JsonReader(Buffer.from(json as string), 'test')
}

function check(json: string | Uint8Array): void {
  const cursor = reader(json)
  cursor.skipValue()
  cursor.finish()
}

test('what JSON.parse accepts is accepted and what it refuses is refused', () => {
  const accepted = [
    'null',
    ' true\n',
    '0',
    '-0.5e-7',
    '1E+2',
    '""',
    '"\\u00e9\\/"',
    '[]',
    '[ 1 , [ ] ]',
    '{}',
    '{ "a" : { "b" : [ ] } , "c" : 1 }',
  ]
  for (const json of accepted) check(json)
  const refused = [
    '',
    ' ',
    'nul',
    'nulll',
    'True',
    'NaN',
    'Infinity',
    '-',
    '01',
    '1.',
    '.5',
    '+1',
    '1e',
    '0x1',
    "'a'",
    '"a',
    '"\n"',
    '"\\x"',
    '"\\u12g4"',
    '"\\',
    '[',
    '[1',
    '[1,',
    '[1,]',
    '[,1]',
    '[1 2]',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1,',
    '{"a":1,}',
    '{1:1}',
    '{a:1}',
    '{"a" 1}',
    '[}',
    '{]',
    '[]]',
    '1 1',
    '{}x',
    '//',
    '[1]/**/',
  ]
  for (const json of refused) {
    assert.throws(() => JSON.parse(json), SyntaxError, json)
    assert.throws(() => check(json), { code: 'JSON_INVALID' }, json)
  }
})

test('a hundred million brackets end in an error, at once', () => {
  for (const bracket of ['[', '{"":']) {
    assert.throws(() => check(Buffer.alloc(100_000_000, bracket)), { code: 'JSON_INVALID', message: /deeply/ })
  }
})

test('a byte order mark, bytes that are not UTF-8 and keys that come twice are refused', () => {
  assert.throws(() => reader('\ufeff{}'), { message: /byte order mark/ })
  assert.throws(() => reader(Buffer.from('"\xff"', 'latin1')), { message: /not UTF-8/ })
  assert.throws(() => reader(Buffer.from('"\xed\xa0\x80"', 'latin1')), { message: /not UTF-8/ })
  const cursor = reader('{"a":1,"\\u0061":2}')
  assert.throws(() => cursor.readObject(() => cursor.skipValue()), { message: /twice at byte 7/ })
})

test('a key called __proto__ is a key like any other', () => {
  const cursor = reader('{"__proto__":{"polluted":1},"constructor":2}')
  const keys: string[] = []
  cursor.readObject((key) => {
    keys.push(key)
    cursor.skipValue()
  })
  assert.deepEqual(keys, ['__proto__', 'constructor'])
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

test('numbers of 64 bits are exact, and larger ones, fractions and negative ones are refused', () => {
  assert.equal(reader('9223372036854775809').readUnsigned64(), 2n ** 63n + 1n)
  assert.equal(reader('18446744073709551615').readUnsigned64(), 2n ** 64n - 1n)
  assert.equal(reader('9007199254740991').readUnsigned(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
  for (const json of ['18446744073709551616', '-1', '1.0', '1e3', '"1"', 'null', '01', '9'.repeat(1_000_000)]) {
    assert.throws(() => {
      const cursor = reader(json)
      cursor.readUnsigned64()
      cursor.finish()
    }, FormatError)
  }
  assert.throws(() => reader('4294967296').readUnsigned(0xffff_ffff), { message: /above 4294967295/ })
})

test('a lone surrogate is read as U+FFFD, a pair as its character', () => {
  assert.equal(reader('"\\ud83d\\ude00"').readString(), '😀')
  assert.equal(reader('"\\ud800x\\udc00\\ud800\\ud83d\\ude00"').readString(), '\ufffdx\ufffd\ufffd😀')
})

test('strings are read as JSON.parse reads them', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.boolean(), (text, escapeAll) => {
      const json = escapeAll ? `"${escaped(text)}"` : JSON.stringify(text)
      assert.equal(reader(json).readString(), text)
    }),
    propertyOptions,
  )
})

test('any JSON is accepted, and any damage to it is judged as JSON.parse judges it', () => {
  const json = fc.json({ maxDepth: 6 }).filter((text) => !text.includes('\ufeff'))
  fc.assert(
    fc.property(json, anyDamage, (text, harm) => {
      check(text)
      const harmed = damage(Buffer.from(text), harm)
      assert.equal(isAccepted(harmed), isJson(harmed), harmed.toString())
    }),
    { ...propertyOptions, numRuns: 2000 },
  )
})

function isAccepted(json: Buffer): boolean {
  try {
    check(json)
    return true
  } catch (error) {
    assert.ok(error instanceof FormatError, String(error))
    return false
  }
}

function isJson(json: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json))
    return true
  } catch {
    return false
  }
}

function escaped(text: string): string {
  return text
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
