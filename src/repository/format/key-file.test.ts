import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FormatError } from './errors.ts'
import { decodeKeyFile, encodeKeyFile } from './key-file.ts'
import { anyDamage, damage, fixture, propertyOptions } from './testing.ts'

const key = decodeKeyFile(fixture('key.plain'))

test('a key file made by restic is read, and encoded again to the same bytes', () => {
  assert.equal(encodeKeyFile(key).toString(), fixture('key.plain').toString())
  assert.equal(key.hostname, 'office')
  assert.equal(key.salt.length, 64)
})

test('costs that restic calibrates on small and on large machines are accepted', () => {
  for (const cost of [
    { N: 16_384, r: 8, p: 1 },
    { N: 32_768, r: 8, p: 100 },
    { N: 65_536, r: 7, p: 40 },
    { N: 262_144, r: 1, p: 100 },
  ]) {
    assert.equal(decodeKeyFile(encodeKeyFile({ ...key, ...cost })).p, cost.p)
  }
})

test('costs that no honest program asks for are refused at once', () => {
  const absurd = [{ N: 2 ** 30 }, { r: 2 ** 20 }, { p: 2 ** 40 }, { N: 32_769 }, { N: 0 }, { N: 1 }, { r: 0 }, { p: 0 }]
  for (const cost of absurd) {
    assert.throws(
      () => decodeKeyFile(encodeKeyFile({ ...key, ...cost })),
      { code: 'KEY_COST_REFUSED' },
      JSON.stringify(cost),
    )
  }
})

test('a salt of another length, another kdf, and data that is missing or endless are refused', () => {
  const malformed = [
    { salt: Buffer.alloc(0) },
    { salt: Buffer.alloc(63) },
    { data: Buffer.alloc(0) },
    { data: Buffer.alloc(5000) },
    { created: 'x' },
  ]
  for (const change of malformed) assert.throws(() => decodeKeyFile(encodeKeyFile({ ...key, ...change })), FormatError)
  const text = fixture('key.plain').toString()
  assert.throws(() => decodeKeyFile(Buffer.from(text.replace('scrypt', 'argon2'))), { message: /"kdf" is "argon2"/ })
  assert.throws(() => decodeKeyFile(Buffer.from(text.replace('"salt":"', '"salt":"*'))), { message: /not base64/ })
})

test('any damage to a key file is read or refused with a code', () => {
  fc.assert(
    fc.property(anyDamage, (harm) => {
      try {
        decodeKeyFile(damage(fixture('key.plain'), harm))
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error))
      }
    }),
    propertyOptions,
  )
})
