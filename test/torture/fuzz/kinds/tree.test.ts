import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Batch } from '../base.ts'
import type { ResticRun } from '../kind.ts'
import { treeKind } from './tree.ts'

const bad = 'b'.repeat(64)
const good = 'a'.repeat(64)
const checked: ResticRun = {
  code: 1,
  stdout: 'check snapshots, trees and blobs\n',
  stderr: `error for tree ${bad.slice(0, 8)}:\n  dir node "x" has no subtree\n\nFatal: repository contains errors\n`,
}
const wholeFind: ResticRun = { code: 0, stdout: '[]\n', stderr: '' }

/** What is read of two mutants, or one, in what restic said. */
async function theirs(names: readonly string[], check: ResticRun, find: ResticRun) {
  return await treeKind.theirs(undefined as unknown as Batch, names, async (command) =>
    command === 'check' ? check : find,
  )
}

test('what restic did not come to is not taken for an empty folder', async () => {
  // `find` came to the bad tree first, and ended there.
  const ended: ResticRun = { code: 1, stdout: '', stderr: 'subtree for node x in tree /x is nil' }
  assert.deepEqual(await theirs([bad, good], checked, ended), {})
  assert.deepEqual(await theirs([good], { ...checked, code: 0, stderr: '' }, ended), {
    [good]: { accepted: false, why: 'find ended with 1: subtree for node x in tree /x is nil' },
  })
  const leftOut: ResticRun = { ...wholeFind, stderr: 'Marshal failed: timezone hour outside of range\n' }
  assert.deepEqual(await theirs([bad, good], checked, leftOut), {})
})

test('a folder without entries is told from complaints about others', async () => {
  const complaint = `Unable to load tree ${bad}\n ... which belongs to snapshot ${'c'.repeat(64)}\n`
  assert.deepEqual(
    await theirs([bad, good], { ...checked, code: 0, stderr: '' }, { ...wholeFind, stdout: `${complaint}[]\n` }),
    {
      [bad]: { accepted: false, why: `Unable to load tree ${bad}` },
      [good]: { accepted: true, value: '[]' },
    },
  )
})

test('a check that ended before its verdict is no verdict', async () => {
  const early: ResticRun = { code: 1, stdout: '', stderr: 'Fatal: unable to open repository' }
  await assert.rejects(theirs([good], early, wholeFind), /before its verdict/)
  assert.deepEqual(await theirs([good], { ...early, code: 2, stderr: 'panic: x' }, wholeFind), {})
})
