import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { isGoPrint, quoteName, unquoteName } from './go-quote.ts'
import { FormatError } from './errors.ts'
import { propertyOptions } from './testing.ts'

interface Cases {
  readonly quote: readonly { readonly name: string; readonly quoted: string }[]
  readonly unquote: readonly { readonly quoted: string; readonly name: string | null }[]
}

/** What Go's own `strconv.Quote` and `strconv.Unquote` gave; names in base64, null where Go refused. */
const cases = JSON.parse(readFileSync(new URL('fixtures/go-quote.json', import.meta.url), 'utf8')) as Cases

test('names are quoted as Go quotes them', () => {
  for (const { name, quoted } of cases.quote) {
    assert.equal(quoteName(Buffer.from(name, 'base64')).toString(), quoted)
  }
})

test('names are unquoted as Go unquotes them, and what Go refuses is refused', () => {
  for (const { quoted, name } of cases.unquote) {
    const unquote = (): Buffer => unquoteName(Buffer.from(quoted))
    if (name === null) assert.throws(unquote, { code: 'NAME_INVALID' }, quoted)
    else assert.equal(unquote().toString('base64'), name, quoted)
  }
})

test('any name, whatever its bytes, comes back from being quoted', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (name) => {
      assert.deepEqual(unquoteName(quoteName(name)), Buffer.from(name))
    }),
    propertyOptions,
  )
})

test('any text is unquoted or refused with a code', () => {
  const text = fc.string({
    unit: fc.constantFrom('\\', 'x', 'u', 'U', '"', "'", '0', '7', '9', 'f', 'é', '\n', 'n'),
    maxLength: 12,
  })
  fc.assert(
    fc.property(text, (quoted) => {
      try {
        unquoteName(Buffer.from(quoted))
      } catch (error) {
        assert.ok(error instanceof FormatError)
      }
    }),
    propertyOptions,
  )
})

test('characters of Unicode 15 are printable and later ones are not, as in the Go that restic 0.19 is built with', () => {
  for (const printable of [0x20, 0x7e, 0xe9, 0x1f600, 0x1fae8, 0x31350]) assert.equal(isGoPrint(printable), true)
  for (const hidden of [0x1f, 0x7f, 0xa0, 0xad, 0x2028, 0x200b, 0xfeff, 0xe000, 0x1c89, 0x10ffff]) {
    assert.equal(isGoPrint(hidden), false)
  }
})
