import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goText } from './go-text.ts'

test('bytes that are no UTF-8 become one character each, as in Go', () => {
  assert.equal(goText(Buffer.from('plain, é, 😀')), 'plain, é, 😀')
  // The platform's own decoder takes the first two bytes together.
  assert.equal(goText(Buffer.from([0xe2, 0x82, 0x41])), '\ufffd\ufffdA')
  assert.equal(goText(Buffer.from([0xff, 0xc3, 0xa9, 0xed, 0xa0, 0x80])), '\ufffdé\ufffd\ufffd\ufffd')
})
