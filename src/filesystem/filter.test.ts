import assert from 'node:assert/strict'
import test from 'node:test'

import fc from 'fast-check'

import { seeded } from '../../test/helpers/seed.ts'
import { compilePatterns } from './filter.ts'
import { compileComponent } from './glob.ts'
import { textOfRaw } from './raw-text.ts'

type Row = readonly [patterns: readonly string[], path: string, matched: boolean, childMayMatch: boolean]

const rows: readonly Row[] = [
  [['*.go'], '/foo/bar/test.go', true, true],
  [['*.c'], '/foo/bar/test.go', false, true],
  [['bar/*'], '/foo/bar/test.go', true, true],
  [['/foo'], '/foo/baz', true, true],
  [['/foo/*'], '/foo', false, true],
  [['/foo/*'], '/bar', false, false],
  [['/foo/bar'], '/foo/baz', false, false],
  [['/foo///bar/'], '/foo/bar', true, true],
  [['/foo/../bar'], '/bar', true, true],
  [['/foo/**/x'], '/foo', false, true],
  [['/foo/**/x'], '/foo/x', true, true],
  [['/foo/**/x'], '/foo/a/b', false, true],
  [['/foo/**/x'], '/foo/a/b/x/y', true, true],
  [['/foo/**/x/**/y'], '/foo/a/x/b/c/y', true, true],
  [['**/x'], '/x', true, true],
  [['a/**'], '/q/a', true, true],
  [['/'], '/anything', true, true],
  [['/**'], '/anything', true, true],
  [[], '/x', false, false],
  [['', 'x'], '/x', true, true],
  [['*', '!keep'], '/keep', false, false],
  [['*', '!keep', 'keep'], '/keep', true, true],
  [['!keep', '*'], '/keep', true, true],
  [['foo', '!foo/bar'], '/foo', true, true],
  [['foo', '!foo/bar'], '/foo/bar', false, false],
]

test('patterns match paths as they do in restic', () => {
  for (const [patterns, path, matched, childMayMatch] of rows) {
    const { matched: isMatch, childMayMatch: mayMatch } = compilePatterns(patterns).match(path)
    assert.deepEqual([patterns, path, isMatch, mayMatch], [patterns, path, matched, childMayMatch])
  }
})

test('looking at a name gives the same as entering it', () => {
  const component = fc.constantFrom('a', 'b', 'ab', '*', '**', '?', 'a*')
  const pattern = fc
    .tuple(fc.constantFrom('', '!', '/'), fc.array(component, { minLength: 1, maxLength: 4 }))
    .map(([start, components]) => start + components.join('/'))
  const path = fc.array(fc.constantFrom('a', 'b', 'ab', 'c'), { minLength: 1, maxLength: 6 })
  const property = fc.property(fc.array(pattern, { maxLength: 4 }), path, (patterns, components) => {
    const list = compilePatterns(patterns)
    const above = components.slice(0, -1).reduce(list.enter, list.root)
    const name = components.at(-1) as string
    assert.equal(list.matches(above, name), list.enter(above, name).matched)
  })
  fc.assert(property, { ...seeded(), numRuns: 2000 })
})

test('case is ignored where that is asked for, also beyond ASCII', () => {
  const list = compilePatterns(['ÄB*', '/Home/ΣΑΣ'], { insensitive: true })
  assert.equal(list.match('/x/äBc').matched, true)
  assert.equal(list.match('/HOME/σας').matched, false) // ς is another letter than σ
  assert.equal(list.match('/home/σασ').matched, true)
})

test('characters are code points, and a byte that is no UTF-8 is one character', () => {
  const raw = (bytes: number[]) => textOfRaw(String.fromCharCode(...bytes))
  assert.equal(compileComponent('?', '?')('😀'), true)
  assert.equal(compileComponent('??', '??')('😀'), false)
  assert.equal(compileComponent('a?b', '')(raw([0x61, 0xff, 0x62])), true)
  assert.equal(compileComponent('a??b', '')(raw([0x61, 0xc3, 0xff, 0x62])), true)
  assert.notEqual(raw([0xff]), raw([0xfe]))
  assert.equal(raw([0xef, 0xbf, 0xbd, 0xff]), '\ufffd\udcff')
})

test('a pattern of many stars takes no exponential time', () => {
  const matches = compileComponent('*a'.repeat(60) + '?', '')
  assert.equal(matches('a'.repeat(200)), true)
  assert.equal(matches('a'.repeat(59)), false)
})
