import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { missing } from '../helpers/peers.ts'
import { fuzz } from '../torture/fuzz.ts'
import { torture } from '../torture/torture.ts'

/** A short run of what `npm run torture` and `npm run torture:fuzz` do for hours, always with the same decisions. */

const skip = missing('restic', 'rest-server')

const quiet = { round: undefined, place: tmpdir(), replay: undefined, program: undefined, keep: false }

for (const [storage, seed] of [
  ['local', 5],
  ['rest', 6],
] as const) {
  test(`nothing that is promised gets lost in twenty steps of torture on ${storage}`, { skip }, async (t) => {
    const say = (line: string) => t.diagnostic(line)
    const { failure, tally } = await torture({ ...quiet, seed, storage, seconds: 60, steps: 20, say })
    assert.equal(failure, undefined, failure?.message)
    assert.ok(tally.totals.snapshotsVerified > 0, 'nothing was verified')
  })
}

test('mutants of every kind of object are read as restic reads them, or refused with a code', { skip }, async (t) => {
  const say = (line: string) => t.diagnostic(line)
  const { findings, mutants } = await fuzz({ seed: 1, seconds: Infinity, batches: 1, kinds: [], say })
  assert.deepEqual(findings, [])
  assert.ok(mutants.size > 5, 'hardly anything was tried')
})
