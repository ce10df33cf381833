import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { textComparisonSchema } from '#protocol'
import type { TextComparison, TextPreview } from '#protocol'
import { seeded } from '../../../test/helpers/seed.ts'
import { compareText } from './index.ts'

function version(text: string, isCutOff = false): TextPreview {
  return { kind: 'text', type: 'text', encoding: 'utf-8', pages: [text], pageCount: null, lines: 0, isCutOff }
}

function compare(older: string, newer: string): TextComparison {
  return textComparisonSchema.parse(compareText(version(older), version(newer)))
}

/** The lines of one side, each checked for its number. */
function side({ runs }: TextComparison, change: 'removed' | 'added'): string[] {
  const lines: string[] = []
  for (const run of runs) {
    if (run.change === change) assert.equal(run.firstLine, lines.length + 1)
    if (run.change === change || run.change === 'same') lines.push(...run.lines)
  }
  return lines
}

test('two versions are compared line by line', () => {
  assert.deepEqual(compare('a\nb\nc\nd\n', 'a\nB\nc\nd\ne\n'), {
    runs: [
      { change: 'same', firstLine: 1, lines: ['a'] },
      { change: 'removed', firstLine: 2, lines: ['b'] },
      { change: 'added', firstLine: 2, lines: ['B'] },
      { change: 'same', firstLine: 3, lines: ['c', 'd'] },
      { change: 'added', firstLine: 5, lines: ['e'] },
    ],
    removed: 1,
    added: 2,
    isRough: false,
    isCutOff: false,
  })
  assert.deepEqual(compare('', '').runs, [])
  assert.deepEqual(compare('a', 'a\n').runs, [{ change: 'same', firstLine: 1, lines: ['a'] }])
  assert.equal(compareText(version('a'), version('a', true)).isCutOff, true)
})

test('a comparison holds both versions, and as many common lines as there can be', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 25 })
  fc.assert(
    fc.property(text, text, (older, newer) => {
      // A last line that is empty is none.
      const [before, after] = [
        [...older, 'x'],
        [...newer, 'y'],
      ]
      const comparison = compare(before.join('\n'), after.join('\n'))
      assert.deepEqual(side(comparison, 'removed'), before)
      assert.deepEqual(side(comparison, 'added'), after)
      assert.equal(before.length - comparison.removed, longestCommon(before, after))
      assert.equal(after.length - comparison.added, longestCommon(before, after))
    }),
    { ...seeded(), numRuns: 500 },
  )
})

/** The plain way, by a table. */
function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = b.map(() => 0)
  for (const line of a) {
    let [corner, left] = [0, 0]
    row = row.map((above, at) => {
      left = line === b[at] ? corner + 1 : Math.max(left, above)
      corner = above
      return left
    })
  }
  return row.at(-1) ?? 0
}

test('versions that have hardly anything in common are compared roughly, with what is left of both', () => {
  const lines = (word: string) => Array.from({ length: 50_000 }, (_, at) => `${word} ${at % 7} ${at}`)
  const [before, after] = [
    ['start', ...lines('a'), 'end'],
    ['start', ...lines('b'), 'end'],
  ]
  const comparison = compare(before.join('\n'), after.join('\n'))
  assert.equal(comparison.isRough, true)
  assert.deepEqual(side(comparison, 'removed'), before)
  assert.deepEqual(side(comparison, 'added'), after)
  assert.deepEqual(
    comparison.runs.map(({ change }) => change),
    ['same', 'removed', 'added', 'same'],
  )
})
