import assert from 'node:assert/strict'
import { test } from 'node:test'
import { secretIn } from './secret-in.ts'

test('the key of an authenticator is shown in groups, as it is typed', () => {
  assert.equal(secretIn('otpauth://totp/Understudy:a%40b.c?secret=ABCDEFGHIJ&issuer=Understudy'), 'ABCD EFGH IJ')
})
