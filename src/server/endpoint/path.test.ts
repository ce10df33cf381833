import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as assertProperty, constantFrom, array, oneof, property, string } from 'fast-check'
import { seeded } from '../../../test/helpers/seed.ts'
import { parseBasic } from './credential.ts'
import { parseEndpointPath } from './path.ts'
import { parseRange } from './range.ts'

const name = '0123456789abcdef'.repeat(4)

test('paths of the protocol are read', () => {
  const parsed = (path: string) => parseEndpointPath(path)?.target
  assert.deepEqual(parsed('a-1/'), { kind: 'repository' })
  assert.deepEqual(parsed('a-1/config'), { kind: 'file', file: { type: 'config', name: '' } })
  assert.deepEqual(parsed('a-1/snapshots/'), { kind: 'listing', type: 'snapshot' })
  assert.deepEqual(parsed(`a-1/data/${name}`), { kind: 'file', file: { type: 'pack', name } })
})

test('whatever is read as a path is exactly that path, without anything that a file system would make something of', () => {
  const part = oneof(
    constantFrom('', '.', '..', 'data', 'keys', 'config', 'locks', name, '%2e%2e', '\0', '\\', 'a'),
    string(),
  )
  assertProperty(
    property(array(part, { maxLength: 5 }), (parts) => {
      const path = parts.join('/')
      const parsed = parseEndpointPath(path)
      if (!parsed) return
      assert.match(path, /^[A-Za-z0-9][A-Za-z0-9_-]*\/(config|(data|keys|locks|snapshots|index)\/([0-9a-f]{64})?)?$/)
    }),
    seeded(),
  )
})

test('a range is cut to the file, or beyond it, or none', () => {
  const cases = [
    ['bytes=0-9', 10, { offset: 0, length: 10 }],
    ['bytes=9-', 10, { offset: 9, length: 1 }],
    ['bytes=-20', 10, { offset: 0, length: 10 }],
    ['bytes=-0', 10, 'beyond'],
    ['bytes=10-12', 10, 'beyond'],
    ['bytes=0-', 0, undefined],
    ['bytes=3-2', 10, undefined],
    ['bytes=1-2,4-5', 10, undefined],
    ['bytes=0-9999999999999999', 10, undefined],
    [undefined, 10, undefined],
  ] as const
  for (const [header, size, expected] of cases) assert.deepEqual(parseRange(header, size), expected, header)
})

test('user names and passwords are read, and what is none is nobody', () => {
  const header = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  assert.deepEqual(parseBasic(header('änna:ge:heim')), { user: 'änna', password: 'ge:heim' })
  assert.deepEqual(parseBasic(header('anna:')), { user: 'anna', password: '' })
  for (const bad of [undefined, '', 'Basic', 'Bearer abc', header('anna'), header(':x'), header('a\0b:c'), 'Basic ä']) {
    assert.equal(parseBasic(bad), undefined, bad)
  }
  assert.equal(parseBasic(header(`anna:${'x'.repeat(2000)}`)), undefined)
})
