import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTimeReport } from './measure.ts'
import { chooseWorks, parseOptions } from './options.ts'
import { rotate } from './run-work.ts'
import { works } from './works.ts'

test('a work is chosen by its name or by the beginning of names', () => {
  const names = (only: readonly string[]) => chooseWorks(works, only).map(({ name }) => name)
  assert.deepEqual(names(['prune-half']), ['prune-half'])
  assert.deepEqual(names(['check']), ['check-random', 'check-compressible', 'check-many'])
  assert.deepEqual(
    names([]),
    works.map(({ name }) => name),
  )
})

test('a word that names no work is refused with the names that there are', () => {
  assert.throws(() => chooseWorks(works, ['cold', 'warm']), /There is no work "warm"\. There are: cold-small, /)
})

test('every work has a name of its own, and something to reach', () => {
  assert.equal(new Set(works.map(({ name }) => name)).size, works.length)
  for (const { name, targets } of works) assert.ok(targets.length > 0, name)
})

test('what is no number is refused', () => {
  assert.throws(() => parseOptions(['--rounds', 'many']), /--rounds wants a whole number, not "many"/)
  assert.throws(() => parseOptions(['--blobs', '0']), /--blobs wants a whole number/)
  assert.equal(parseOptions(['--quick']).rounds, 1)
})

test('in each round another entrant begins', () => {
  assert.deepEqual(
    [0, 1, 2, 3].map((round) => rotate(['a', 'b', 'c'], round).join('')),
    ['abc', 'bca', 'cab', 'abc'],
  )
})

test('the report of GNU time is read also behind a line about an exit code', () => {
  assert.deepEqual(parseTimeReport('1.50 0.25 20480\n'), { cpuSeconds: 1.75, peakKib: 20_480 })
  assert.deepEqual(parseTimeReport('Command exited with non-zero status 1\n1 2 3\n'), { cpuSeconds: 3, peakKib: 3 })
})
