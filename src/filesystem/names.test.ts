import assert from 'node:assert/strict'
import { test } from 'node:test'

import { refuseName, sameName } from './names.ts'

test('names that are paths, or nothing, are refused everywhere', () => {
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    for (const name of ['', '.', '..', 'a/b', '/', '../x', 'a\0']) {
      assert.ok(refuseName(Buffer.from(name), platform), JSON.stringify(name))
    }
    for (const name of ['a', '..a', '.hidden', ' x', 'ünï']) {
      assert.equal(refuseName(Buffer.from(name), platform), undefined, JSON.stringify(name))
    }
  }
})

test('names that mean something else on Windows are refused there only', () => {
  const names = [
    'a\\b',
    'C:',
    'file:stream',
    '\\\\?\\C:\\x',
    'con',
    'NUL',
    'com1.txt',
    'LPT¹',
    'aux .x',
    'dot.',
    'space ',
    'a*',
    'a\nb',
  ]
  for (const name of names) {
    assert.ok(refuseName(Buffer.from(name), 'win32'), JSON.stringify(name))
    assert.equal(refuseName(Buffer.from(name), 'linux'), undefined, JSON.stringify(name))
  }
  for (const name of ['console', 'com10', 'nullable', 'conx.txt']) {
    assert.equal(refuseName(Buffer.from(name), 'win32'), undefined, name)
  }
})

test('names are the same where the system takes them for the same', () => {
  const same = (a: string, b: string, platform: NodeJS.Platform) =>
    sameName(Buffer.from(a), platform) === sameName(Buffer.from(b), platform)
  assert.ok(same('A', 'a', 'darwin') && same('É', 'e\u0301', 'darwin') && same('ÄB', 'äb', 'win32'))
  assert.ok(!same('A', 'a', 'linux') && !same('\u00e9', 'e\u0301', 'linux') && !same('a', 'b', 'darwin'))
})
