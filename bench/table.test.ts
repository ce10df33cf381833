import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatMarkdown } from './markdown.ts'
import { alignColumns, formatResult, formatSummary } from './table.ts'
import type { WorkResult } from './table.ts'

const result: WorkResult = {
  name: 'cold-small',
  title: 'First backup',
  targets: [
    { kind: 'faster', than: 'restic', times: 2 },
    { kind: 'faster', than: 'borg', times: 2 },
    { kind: 'within', of: 'floor', times: 1.3 },
  ],
  figures: {
    understudy: { rounds: 3, seconds: 5, least: 4.5, most: 12, cpuSeconds: 9, peakMb: 190, repositoryMb: 488.25 },
    restic: { rounds: 3, seconds: 12.5, least: 12, most: 13 },
    floor: { rounds: 3, seconds: 2, least: 2, most: 2, parts: { reading: 1, 'zstd-3': 2.5 } },
  },
  notes: ['not on this machine: borg'],
  failures: [],
}

test('a table says who took how long, how that compares, and what is reached', () => {
  assert.equal(
    formatResult(result),
    `First backup (cold-small)
              median  least–most   ratio  processor    peak  repository
  understudy  5.00 s   4.50–12.0             9.00 s  190 MB    488.3 MB
  restic      12.5 s   12.0–13.0  2.50 ×
  floor       2.00 s   2.00–2.00  0.40 ×
  floor, thread-seconds: reading 1.00, zstd-3 2.50
  reached: at least 2 × as fast as restic (2.50 ×)
  not measured: at least 2 × as fast as borg (–)
  NOT reached: within 1.3 × floor (2.50 ×)
  note: not on this machine: borg
`,
  )
})

test('the summary counts what is reached of all targets', () => {
  const summary = formatSummary([result])
  assert.match(summary, /^cold-small {2}at least 2 × as fast as restic {2}2\.50 × {4}reached$/m)
  assert.match(summary, /\n1 of 3 reached\n$/)
})

test('an entrant that failed is named with its words', () => {
  assert.match(
    formatResult({ ...result, failures: ['restic FAILED: it ended with 1'] }),
    /\n {2}restic FAILED: it ended/,
  )
})

test('columns stand below each other, numbers at the right', () => {
  assert.deepEqual(
    alignColumns([
      ['', 'median'],
      ['longer', '1 s'],
      ['a', '10 s'],
    ]),
    ['        median', 'longer     1 s', 'a         10 s'],
  )
})

test('the page of the documentation has a line for each work, and one for each target', () => {
  assert.equal(
    formatMarkdown([result]),
    `| work | understudy | restic | floor |
|---|---|---|---|
| \`cold-small\` | 5.00 s, 190 MB, 488.3 MB stored | 12.5 s: 2.50 × | 2.00 s: 0.40 × |

| work | to reach | measured |  |
|---|---|---|---|
| \`cold-small\` | at least 2 × as fast as restic | 2.50 × | reached |
| \`cold-small\` | at least 2 × as fast as borg | – | not measured |
| \`cold-small\` | within 1.3 × floor | 2.50 × | NOT reached |
`,
  )
})
