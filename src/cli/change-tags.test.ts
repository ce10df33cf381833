import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeTags } from './change-tags.ts'

test('tags are added once, removed, or set; nothing to change is no change', () => {
  assert.deepEqual(changeTags(['a'], { add: ['b', 'b', 'a'], remove: [] }), ['a', 'b'])
  assert.deepEqual(changeTags(['a', 'b'], { add: ['c'], remove: ['a'] }), ['b', 'c'])
  assert.equal(changeTags(['a'], { add: ['a'], remove: ['z'] }), undefined)
  assert.deepEqual(changeTags(['a'], { set: [] }), [])
  assert.deepEqual(changeTags(['a'], { set: ['a'] }), ['a'])
})
