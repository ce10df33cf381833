import assert from 'node:assert/strict'
import { test } from 'node:test'
import { folderOf, isNamedByText, nameOf } from './found-names.ts'

test('a path has a name and a folder, also at the top', () => {
  assert.deepEqual([nameOf('/srv/a b/<i>x.txt'), folderOf('/srv/x.txt')], ['<i>x.txt', '/srv'])
  assert.deepEqual([nameOf('/x'), folderOf('/x')], ['x', '/'])
})

test('only what is shown as it is named can be ordered by its text', () => {
  const raw = Buffer.from('/srv/Jörg?.txt').toString('base64url')
  assert.ok(isNamedByText('/srv/Jörg?.txt', raw))
  const noText = Buffer.concat([Buffer.from('/srv/'), Buffer.from([0xff])]).toString('base64url')
  assert.ok(!isNamedByText('/srv/\ufffd', noText))
})
