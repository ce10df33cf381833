import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeOutcomes } from './merge-outcomes.ts'

test('a part that failed beside one that did not makes warnings, with every reason', () => {
  const merged = mergeOutcomes([
    { state: 'failed', reason: 'No dump.', code: 'DATABASE_NONE_DUMPED' },
    { state: 'done', result: { files: 3 } },
    { state: 'warnings', reason: 'A hook failed.', code: 'HOOK_FAILED' },
  ])
  assert.deepEqual(merged, {
    state: 'warnings',
    reason: 'No dump. A hook failed.',
    code: 'DATABASE_NONE_DUMPED',
    result: { files: 3 },
  })
})

test('nothing that is good is failed, and nothing that is bad is done', () => {
  assert.equal(mergeOutcomes([{ state: 'failed' }, { state: 'failed', result: { files: 0 } }]).state, 'failed')
  assert.equal(mergeOutcomes([{ state: 'done', result: {} }, { state: 'done' }]).state, 'done')
  assert.equal(mergeOutcomes([]).state, 'failed')
})
