import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeConfig, encodeConfig } from './config.ts'
import { FormatError } from './errors.ts'
import { anyDamage, damage, fixture, propertyOptions } from './testing.ts'

const id = '0f'.repeat(32)

test('a config made by restic is read, and encoded again to the same bytes', () => {
  const config = decodeConfig(fixture('config.plain'))
  assert.equal(config.version, 2)
  assert.equal(encodeConfig(config).toString(), fixture('config.plain').toString())
})

test('fields of other programs are kept as they came', () => {
  const json = `{"version":1,"id":"${id}","chunker_polynomial":"3da3358b4dc173","append_only":true,"chunk":{ "size":[1.50] }}`
  const config = decodeConfig(Buffer.from(json))
  assert.equal(config.chunkerPolynomial, 0x3da3358b4dc173n)
  assert.equal(config.others?.get('chunk'), '{ "size":[1.50] }')
  assert.equal(encodeConfig(config).toString(), json)
})

test('other versions of the format are refused by number', () => {
  for (const version of [0, 3, 4_294_967_295]) {
    const json = `{"version":${version},"id":"${id}","chunker_polynomial":"1"}`
    assert.throws(() => decodeConfig(Buffer.from(json)), {
      code: 'CONFIG_VERSION_UNSUPPORTED',
      message: new RegExp(`version ${version};`),
    })
  }
})

test('an id that could name another folder, and a polynomial that is no number, are refused', () => {
  const malformed = [
    '{"version":2,"id":"../../x","chunker_polynomial":"1"}',
    '{"version":2,"chunker_polynomial":"1"}',
    `{"version":2,"id":"${id}"}`,
    `{"version":2,"id":"${id}","chunker_polynomial":"0x12"}`,
    `{"version":2,"id":"${id}","chunker_polynomial":"12345678901234567"}`,
    `{"version":2,"id":"${id}","chunker_polynomial":12}`,
    `{"version":2.0,"id":"${id}","chunker_polynomial":"1"}`,
    `{"version":2,"version":2,"id":"${id}","chunker_polynomial":"1"}`,
    '',
    'null',
  ]
  for (const json of malformed) assert.throws(() => decodeConfig(Buffer.from(json)), FormatError, json)
})

test('any damage to a config is read or refused with a code', () => {
  fc.assert(
    fc.property(anyDamage, (harm) => {
      try {
        decodeConfig(damage(fixture('config.plain'), harm))
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error))
      }
    }),
    propertyOptions,
  )
})
