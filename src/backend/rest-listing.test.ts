import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import { ListingParser, MalformedListing } from './rest-listing.ts'

test('a listing of either version is read the same however it is cut into pieces', () => {
  const entry = fc.oneof(fc.string(), fc.record({ name: fc.string(), size: fc.maxSafeNat() }))
  fc.assert(
    fc.property(fc.array(entry), fc.array(fc.nat(40)), fc.boolean(), (entries, cuts, pretty) => {
      const text = JSON.stringify(entries, null, pretty ? 2 : 0)
      const expected = entries.map((item) => (typeof item === 'string' ? { name: item } : item))
      assert.deepEqual(
        parse(text, cuts),
        expected.map((item) => ({ ...item })),
      )
    }),
    seeded(),
  )
})

test('a listing that is cut off anywhere is refused', () => {
  const text = JSON.stringify([
    { name: 'a'.repeat(64), size: 5 },
    { name: 'b', size: 7 },
  ])
  for (let length = 0; length < text.length; length++) {
    assert.throws(() => parse(text.slice(0, length)), MalformedListing, text.slice(0, length))
  }
})

test('what is no listing is refused, without filling the memory', () => {
  for (const text of [
    '{}',
    '<html>',
    '[1]',
    '[{"name":1,"size":2}]',
    '[{"name":"a","size":-1}]',
    '[{"name":"a"}]',
    '[[]]',
    '["a"] x',
    'nul',
  ]) {
    assert.throws(() => parse(text), MalformedListing, text)
  }
  const parser = new ListingParser()
  parser.push('["')
  assert.throws(() => {
    for (let i = 0; i < 100; i++) parser.push('a'.repeat(10_000))
  }, MalformedListing)
})

test('null is an empty listing, as Go writes one', () => {
  assert.deepEqual(parse('null\n'), [])
  assert.deepEqual(parse('[]'), [])
})

function parse(text: string, cuts: readonly number[] = []) {
  const parser = new ListingParser()
  let position = 0
  for (const cut of cuts) {
    parser.push(text.slice(position, position + cut))
    position += cut
  }
  parser.push(text.slice(position))
  return parser.finish()
}
