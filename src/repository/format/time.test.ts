import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FormatError } from './errors.ts'
import { propertyOptions } from './testing.ts'
import { formatTime, parseTime } from './time.ts'

const nanosecondsPerMillisecond = 1_000_000n

test('a time is written in UTC with the zeros at the end of its fraction cut', () => {
  assert.equal(formatTime(0n), '1970-01-01T00:00:00Z')
  assert.equal(formatTime(1_500_000_000_123_456_789n), '2017-07-14T02:40:00.123456789Z')
  assert.equal(formatTime(1_500_000_000_120_000_000n), '2017-07-14T02:40:00.12Z')
  assert.equal(formatTime(-1n), '1969-12-31T23:59:59.999999999Z')
  assert.equal(formatTime(-1_999_999_999_999_999_995n), '1906-08-16T20:26:40.000000005Z')
  assert.equal(formatTime(-62_167_219_200_000_000_000n), '0000-01-01T00:00:00Z')
})

test('a year that does not fit four digits becomes 0 or 9999 and the rest of the time stays', () => {
  const second = 1_000_000_000n
  assert.equal(formatTime(253_402_300_800n * second), '9999-01-01T00:00:00Z')
  assert.equal(formatTime(253_407_398_400n * second + 5n), '9999-03-01T00:00:00.000000005Z', '29 February 10000')
  assert.equal(formatTime(-62_167_219_201n * second), '0000-12-31T23:59:59Z')
  assert.match(formatTime((2n ** 63n - 1n) * second), /^9999-/)
})

test('an offset is taken into account', () => {
  assert.equal(parseTime('2017-07-14T04:40:00.123456789+02:00'), 1_500_000_000_123_456_789n)
  assert.equal(parseTime('2017-07-13T12:40:00-14:00'), 1_500_000_000_000_000_000n)
  assert.equal(parseTime('1969-12-31T23:59:59.9999999999Z'), -1n, 'digits beyond nanoseconds are cut')
})

test('every time of four-digit years comes back from being written, and JavaScript agrees to the millisecond', () => {
  fc.assert(
    fc.property(fc.bigInt(-62_167_219_200_000_000_000n, 253_402_300_799_999_999_999n), (time) => {
      const text = formatTime(time)
      assert.equal(parseTime(text), time)
      assert.equal(BigInt(Date.parse(text)), floorDivide(time, nanosecondsPerMillisecond))
    }),
    propertyOptions,
  )
})

test('what is no time is refused', () => {
  const malformed = [
    '',
    'now',
    '2017-07-14',
    '2017-07-14T04:40:00',
    '2017-07-14 04:40:00Z',
    '2017-07-14T04:40:00.Z',
    '2017-07-14T04:40:00z',
    '2017-07-14T04:40:00+0200',
    '2017-07-14T04:40:00+24:00',
    '2017-07-14T04:40:00+02:60',
    '2017-07-14T04:40:00ZZ',
    '2017-13-14T04:40:00Z',
    '2017-00-14T04:40:00Z',
    '2017-02-29T04:40:00Z',
    '1900-02-29T04:40:00Z',
    '2017-07-00T04:40:00Z',
    '2017-07-14T24:40:00Z',
    '2017-07-14T04:60:00Z',
    '2017-07-14T04:40:60Z',
    '12017-07-14T04:40:00Z',
    '-017-07-14T04:40:00Z',
    '2O17-07-14T04:40:00Z',
    '2017-07-14T04:4é:00Z',
  ]
  for (const text of malformed) assert.throws(() => parseTime(text), { code: 'TIME_INVALID' }, text)
})

test('any text is a time or refused with a code', () => {
  const nearlyTime = fc.string({
    unit: fc.constantFrom(...Array.from('0123456789-:TZ.+ ')),
    minLength: 15,
    maxLength: 35,
  })
  fc.assert(
    fc.property(fc.oneof(nearlyTime, fc.string()), (text) => {
      try {
        parseTime(text)
      } catch (error) {
        assert.ok(error instanceof FormatError)
      }
    }),
    propertyOptions,
  )
})

function floorDivide(value: bigint, by: bigint): bigint {
  return value / by - (value % by < 0n ? 1n : 0n)
}
