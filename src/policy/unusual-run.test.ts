import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seeded } from '../../test/helpers/seed.ts'
import { unusualRun, type RunCounts } from './index.ts'

const quietRun: RunCounts = {
  files: 10_000,
  bytes: 50e9,
  added: 12,
  changed: 40,
  deleted: 3,
  newBytes: 80e6,
  randomLooking: 5,
}

function history(...runs: readonly Partial<RunCounts>[]): RunCounts[] {
  return runs.map((run) => ({ ...quietRun, ...run }))
}

const usual = history(
  {},
  { changed: 35 },
  { changed: 52, deleted: 0 },
  { added: 30 },
  { changed: 44 },
  { newBytes: 120e6 },
)

/** One row a situation: earlier runs, what this one is like, the answer, and its words. */
const table: readonly (readonly [
  name: string,
  earlier: readonly RunCounts[],
  run: Partial<RunCounts>,
  answer: string,
  because?: string,
])[] = [
  ['a day like the others is usual', usual, {}, 'usual', 'Nothing differs much from the 6 runs before.'],
  ['twice as much is usual', usual, { changed: 90, newBytes: 200e6 }, 'usual'],
  ['many times the changes are not', usual, { changed: 1200 }, 'unusual', '1200 files changed: 30 times the usual.'],
  [
    'many files gone are not',
    usual,
    { files: 9000, deleted: 1003, added: 0 },
    'unusual',
    '1003 files gone: 334 times the usual.',
  ],
  [
    'nearly everything gone is wrong by itself: a misspelt exclude, a disk that is not mounted',
    usual,
    { files: 100, added: 0, changed: 0, deleted: 9900, newBytes: 0 },
    'unusual',
    '99 % of the 10000 files there were before are changed or gone. 9900 files gone: 3300 times the usual.',
  ],
  [
    'everything gone too, on the second run ever',
    history({ added: 10_000 }),
    { files: 0, added: 0, changed: 0, deleted: 10_000 },
    'unusual',
  ],
  [
    'an attack that encrypts files slowly shows by what is in them',
    history({}, {}, {}, {}, {}),
    { changed: 100, randomLooking: 95 },
    'unusual',
    '85 % of the new and changed files look random, as encrypted ones do; usual are 10 %.',
  ],
  [
    'photos look random too, where they are the usual',
    history(...Array.from({ length: 6 }, () => ({ added: 100, changed: 0, randomLooking: 90 }))),
    { added: 150, changed: 0, randomLooking: 149 },
    'usual',
  ],
  [
    'with few runs nobody knows what is usual',
    history({}, {}),
    { changed: 400 },
    'not known',
    'What is usual for this machine is not known yet, after 2 earlier runs.',
  ],
  [
    'the first run ever is not known',
    [],
    { added: 10_000, changed: 0, deleted: 0 },
    'not known',
    'What is usual for this machine is not known yet, after 0 earlier runs.',
  ],
  [
    'a quiet machine may change a few files',
    history(...Array.from({ length: 9 }, () => ({ changed: 0, added: 0, deleted: 0, newBytes: 0 }))),
    { changed: 49 },
    'usual',
  ],
  [
    'but not hundreds, where there were never any',
    history(...Array.from({ length: 9 }, () => ({ changed: 0, added: 0, deleted: 0, newBytes: 0 }))),
    { changed: 700 },
    'unusual',
    '700 files changed: usually there are none.',
  ],
  [
    'a machine that changes everything each time may do it again',
    history(...Array.from({ length: 6 }, () => ({ changed: 8000 }))),
    { changed: 9000 },
    'usual',
  ],
  ['much new data is unusual', usual, { newBytes: 4 * 1024 ** 3 }, 'unusual', '4.000 GiB new: 54 times the usual.'],
  [
    'one attack before does not make the next one usual',
    [...usual, ...history({ changed: 9000 })],
    { changed: 4000 },
    'unusual',
  ],
]

for (const [name, earlier, run, answer, because] of table) {
  test(name, () => {
    const judgement = unusualRun(earlier, { ...quietRun, ...run })
    assert.equal(judgement.answer, answer, judgement.because)
    if (because !== undefined) assert.equal(judgement.because, because)
  })
}

test('a finding carries the numbers that its sentence says', () => {
  const { findings, runs } = unusualRun(usual, { ...quietRun, changed: 1200 })
  const [finding] = findings
  assert.deepEqual(
    { ...finding, runs },
    {
      measure: 'changed',
      value: 1200,
      usual: 40,
      times: 30,
      sentence: '1200 files changed: 30 times the usual.',
      runs: 6,
    },
  )
})

test('more changes never make a run less unusual', () => {
  const counts = fc.record({
    changed: fc.nat(9000),
    added: fc.nat(500),
    deleted: fc.nat(500),
    newBytes: fc.nat(2 ** 31 - 1),
  })
  const property = fc.property(fc.array(counts, { maxLength: 12 }), counts, fc.nat(5000), (earlier, run, more) => {
    const runs = history(...earlier)
    if (unusualRun(runs, { ...quietRun, ...run, randomLooking: undefined }).answer !== 'unusual') return
    const worse = { ...quietRun, ...run, changed: run.changed + more, randomLooking: undefined }
    assert.equal(unusualRun(runs, worse).answer, 'unusual')
  })
  fc.assert(property, seeded())
})
