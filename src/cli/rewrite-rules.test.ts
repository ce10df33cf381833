import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePatterns } from '#filesystem'
import { openTree } from '#repository'
import type { EntryFate, RewriteRules } from '#repository'
import { excludeRules, includeRules } from './rewrite-rules.ts'

/** What becomes of a path, `a/b/`, that ends with a slash for a folder. */
function fateOf<State>(rules: RewriteRules<State>, path: string): string {
  let state = rules.root
  const names = path.split('/').filter((name) => name !== '')
  for (const [i, name] of names.entries()) {
    const type = i < names.length - 1 || path.endsWith('/') ? 'dir' : 'file'
    const [node] = [...openTree(Buffer.from(`{"nodes":[{"name":"${name}","type":"${type}"}]}\n`))]
    const fate: EntryFate<State> = rules.entry(node as never, state, { path: () => Buffer.from(path) })
    if (typeof fate === 'string') return fate
    if ('enter' in fate) state = fate.enter
  }
  return rules.keepsEmpty?.(state) === false ? 'goes if empty' : 'stays'
}

test('what matches any list of exclusions goes, folders with all that is in them', () => {
  const lists = [compilePatterns(['*.iso', '/a/b']), compilePatterns(['TMP'], { insensitive: true })]
  const rules = excludeRules(lists, () => undefined)
  const paths = ['x.iso', 'a/x.iso', 'a/b/', 'a/b/c', 'a/c', 'q/tmp/', 'q/']
  assert.deepEqual(
    paths.map((path) => fateOf(rules, path)),
    ['drop', 'drop', 'drop', 'drop', 'keep', 'drop', 'stays'],
  )
})

test('what matches an inclusion stays; a folder on the way stays only if something is left in it', () => {
  const rules = includeRules([compilePatterns(['/a/b', '*.txt'])], () => undefined)
  const paths = ['a/b/', 'a/b/c', 'a/', 'x.txt', 'q/x.txt', 'q/x', 'q/']
  assert.deepEqual(
    paths.map((path) => fateOf(rules, path)),
    ['stays', 'keep', 'goes if empty', 'keep', 'keep', 'drop', 'goes if empty'],
  )
})

test('folders in which the same patterns may still match have the same key, others have not', () => {
  const rules = excludeRules([compilePatterns(['*.iso', '/a/b/c'])], () => undefined)
  const keyAt = (...names: readonly string[]) => {
    let state = rules.root
    for (const name of names) {
      const [node] = [...openTree(Buffer.from(`{"nodes":[{"name":"${name}","type":"dir"}]}\n`))]
      const fate = rules.entry(node as never, state, { path: () => Buffer.alloc(0) })
      state = (fate as { readonly enter: typeof state }).enter
    }
    return rules.keyOf(state)
  }
  assert.equal(keyAt('x'), keyAt('x', 'y', 'z'))
  assert.notEqual(keyAt('a'), keyAt('x'))
  assert.notEqual(keyAt('a', 'b'), keyAt('a'))
})

test('each path that is left out is told', () => {
  const told: string[] = []
  fateOf(
    excludeRules([compilePatterns(['b'])], (path) => told.push(String(path))),
    'a/b',
  )
  assert.deepEqual(told, ['a/b'])
})
