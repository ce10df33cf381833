import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnderstudyError, errorClass, fromPlainError, hasCode, printable, toPlainError } from './errors.ts'

class TeaError extends errorClass('TeaError', {
  KETTLE_EMPTY: { message: 'The kettle {name} is empty.', hint: 'Fill {name} first.', exitCode: 7 },
}) {}

test('an error says its sentence and its hint with the details filled in', () => {
  const error = new TeaError('KETTLE_EMPTY', { name: 'Big Blue' })
  assert.equal(error.message, 'The kettle Big Blue is empty.')
  assert.equal(error.hint, 'Fill Big Blue first.')
  assert.equal(error.exitCode, 7)
  assert.ok(hasCode(error, 'KETTLE_EMPTY'))
})

test('the sentence of another error becomes a part of ours, with one full stop', () => {
  const table = { OUTER: { message: 'It failed: {reason}. Nothing was changed.', hint: '' } }
  const { message } = new (errorClass('Outer', table))('OUTER', { reason: 'The seal does not fit.' })
  assert.equal(message, 'It failed: The seal does not fit. Nothing was changed.')
})

test('an error that went through a thread keeps code, hint, exit code and cause', () => {
  const cause = Object.assign(new Error('no water'), { code: 'ENOENT' })
  const error = new TeaError('KETTLE_EMPTY', { name: 'x', transient: true, cause })
  const again = fromPlainError(structuredClone(toPlainError(error)))
  assert.ok(again instanceof UnderstudyError)
  assert.equal(again.message, error.message)
  assert.equal(again.hint, error.hint)
  assert.equal(again.exitCode, 7)
  assert.equal(again.transient, true)
  assert.ok(hasCode(again, 'KETTLE_EMPTY'))
  assert.ok(hasCode(again.cause, 'ENOENT'))
})

test('a hostile name can neither move the cursor, nor reverse the text, nor fill the screen', () => {
  assert.equal(printable('a\u001b[2Jb\nc\u202ed'), 'a\\u001b[2Jb\\u000ac\\u202ed')
  assert.ok(printable('x'.repeat(10_000)).length <= 301)
  assert.equal(printable(Buffer.from('grün')), 'grün')
})
