import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FormatError } from './errors.ts'
import { decodeLockFile, encodeLockFile } from './lock-file.ts'
import { anyDamage, damage, propertyOptions } from './testing.ts'

/** As restic 0.19 wrote it. */
const made = Buffer.from(
  '{"time":"2026-11-23T05:13:59.546050691Z","exclusive":false,"hostname":"office","username":"root","pid":25405}',
)

test('a lock made by restic is read, and encoded again to the same bytes', () => {
  const lock = decodeLockFile(made)
  assert.equal(encodeLockFile(lock).toString(), made.toString())
})

test('a lock with an owner comes back from being encoded', () => {
  const lock = {
    time: '2024-05-01T12:00:00.5Z',
    exclusive: true,
    hostname: 'h<',
    username: '',
    pid: 1,
    uid: 1000,
    gid: 4_294_967_295,
  }
  assert.deepEqual(decodeLockFile(encodeLockFile(lock)), lock)
})

test('a lock without a time, or with fields of another kind, is refused', () => {
  for (const json of [
    '',
    '{}',
    '[]',
    '{"time":"never"}',
    '{"time":"2024-05-01T12:00:00Z","exclusive":1}',
    '{"time":"2024-05-01T12:00:00Z","pid":-1}',
  ]) {
    assert.throws(() => decodeLockFile(Buffer.from(json)), FormatError, json)
  }
})

test('any damage to a lock is read or refused with a code', () => {
  fc.assert(
    fc.property(anyDamage, (harm) => {
      try {
        decodeLockFile(damage(made, harm))
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error))
      }
    }),
    propertyOptions,
  )
})
