import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureIn, isFailure } from './failure.ts'

test('a refusal keeps code, sentence and hint; one that nobody of ours wrote is still one sentence', () => {
  const refused = failureIn('{"code":"RIGHT_MISSING","message":"No.","hint":"Ask."}', 403)
  assert.deepEqual([refused.code, refused.message, refused.hint, refused.status], ['RIGHT_MISSING', 'No.', 'Ask.', 403])
  assert.equal(failureIn('{"code":"INVALID_CODE","message":"Wrong"}', 401).hint, '')
  const strange = failureIn('<html>502</html>', 502)
  assert.ok(isFailure(strange, 'ANSWER_STRANGE'))
  assert.doesNotMatch(strange.message, /<html>/)
})
