import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refuseWrongCode } from './kit-code.ts'

test('a code that is not that of the newest kit ends the command as a failure, and says why', () => {
  refuseWrongCode({ result: 'right', reason: null })
  assert.throws(() => refuseWrongCode({ result: 'old', reason: null }), /the code of an older kit/)
  assert.throws(() => refuseWrongCode({ result: 'wrong', reason: 'mistyped' }), /mistyped/)
  assert.throws(() => refuseWrongCode({ result: 'wrong', reason: 'unknown' }), /no kit of this client/)
})
