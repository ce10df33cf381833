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

test('of several ** each has a name for every ** after it, as in restic', () => {
  // Each as `restic find` of 0.19.1 says.
  const table: readonly (readonly [pattern: string, matching: readonly string[], others: readonly string[]])[] = [
    ['/a/**/**', ['/a/x', '/a/x/y'], ['/a']],
    ['/a/**/b/**', ['/a/b/x', '/a/x/b/y', '/a/x/y/b/z'], ['/a/b', '/a/x/b', '/a/x']],
    ['/**/a/**/b', ['/x/a/y/b', '/a/x/b', '/a/b/x', '/x/a/b/y'], ['/a/b', '/x/a/b']],
    ['/**/**/**', ['/x/y'], ['/x']],
    ['/a/**/**/**/b', ['/a/x/y/b', '/a/b/x/y', '/a/x/b/y'], ['/a/b', '/a/b/x', '/a/x/b']],
    ['a/**/b/**', ['/a/b', '/x/a/b', '/a/x/b'], ['/a', '/b/a']],
    ['a/**/**/**', ['/x/a', '/a/x'], ['/a']],
    ['**/**/**/a', ['/x/a', '/a/x'], ['/a']],
    ['**/**/**', ['/x'], []],
    ['**/**/**/**', ['/x/y'], ['/x']],
  ]
  for (const [pattern, matching, others] of table) {
    const list = compilePatterns([pattern])
    for (const path of matching) assert.equal(list.match(path).matched, true, `${pattern} ${path}`)
    for (const path of others) {
      const { matched, childMayMatch } = list.match(path)
      assert.deepEqual({ matched, childMayMatch }, { matched: false, childMayMatch: true }, `${pattern} ${path}`)
    }
  }
  const without = compilePatterns(['/a', '!/a/**/**'])
  assert.deepEqual(
    ['/a', '/a/x'].map((path) => without.match(path).matched),
    [true, false],
  )
})

test('** stands for as many folders as restic tries', () => {
  const component = fc.oneof(fc.constant('**'), fc.constantFrom('a', 'b', '*', 'ab', '?'))
  const pattern = fc
    .tuple(fc.constantFrom('', '/'), fc.array(component, { minLength: 1, maxLength: 6 }))
    .map(([start, components]) => start + components.join('/'))
  const path = fc.array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 7 })
  const property = fc.property(pattern, path, (text, names) => {
    assert.equal(compilePatterns([text]).match(`/${names.join('/')}`).matched, matchesWhenSpelledOut(text, names))
  })
  fc.assert(property, { ...seeded(), numRuns: 5000 })
})

/** The slow way: one `**` after the other is spelled out as so many `*` as restic allows; then components are compared. */
function matchesWhenSpelledOut(pattern: string, names: readonly string[]): boolean {
  const isRooted = pattern.startsWith('/')
  // Both sides begin with the root where they have one.
  const size = names.length + 1
  const spellOut = (parts: readonly string[]): boolean => {
    const at = parts.indexOf('**')
    if (at < 0) return holds(parts, names, isRooted)
    const most = size - parts.length - (isRooted ? 1 : 0) + 1
    const stars = Array.from({ length: Math.max(0, most + 1) }, (_, count) => Array<string>(count).fill('*'))
    return stars.some((some) => spellOut([...parts.slice(0, at), ...some, ...parts.slice(at + 1)]))
  }
  return spellOut(pattern.slice(isRooted ? 1 : 0).split('/'))
}

function holds(parts: readonly string[], names: readonly string[], isRooted: boolean): boolean {
  if (parts.length === 0) return isRooted
  const begins = isRooted ? [0] : names.map((_, at) => at)
  return begins.some(
    (begin) =>
      begin + parts.length <= names.length &&
      parts.every((part, i) => compileComponent(part, part)(names[begin + i] as string)),
  )
}

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
  const path = '/a'.repeat(200)
  for (const start of ['', '/']) {
    const anyDepth = start + '**/a/'.repeat(40)
    assert.equal(compilePatterns([`${anyDepth}a`]).match(path).matched, true)
    assert.equal(compilePatterns([`${anyDepth}b`]).match(path).matched, false)
  }
  const matches = compileComponent('*a'.repeat(60) + '?', '')
  assert.equal(matches('a'.repeat(200)), true)
  assert.equal(matches('a'.repeat(59)), false)
})
