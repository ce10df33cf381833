import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTime } from '#repository'
import { IdPrefixes, isIdPrefix } from './id-prefixes.ts'
import { parseTypedTime } from './parse-time.ts'

test('times are read in every form that restic reads', () => {
  const at = (text: string) => formatTime(parseTypedTime(text) as bigint)
  assert.equal(at('2026-01-31 08:05:09 +0130'), '2026-01-31T06:35:09Z')
  assert.equal(at('31.01.2026 08:05:09 UTC'), '2026-01-31T08:05:09Z')
  assert.equal(at('Sat Jan 31 08:05:09 -0500 EST 2026'), '2026-01-31T13:05:09Z')
  const local = (...parts: [number, number, number, number?, number?]) =>
    BigInt(new Date(...parts).getTime()) * 1_000_000n
  assert.equal(parseTypedTime('2026-01-31'), local(2026, 0, 31))
  assert.equal(parseTypedTime('31.01.2026 08:05'), local(2026, 0, 31, 8, 5))
  assert.equal(parseTypedTime('2024-02-29'), local(2024, 1, 29))
})

test('what is no time is refused', () => {
  for (const text of [
    '',
    'yesterday',
    '2026-02-30',
    '2026-13-01',
    '2026-01-01 24:00',
    '2026-01-01T00:00:00',
    '2025-02-29',
  ])
    assert.equal(parseTypedTime(text), undefined, text)
})

test('ids are found whole and by their first digits, each once', () => {
  const [a, b] = ['ab'.repeat(32), `${'ab'.repeat(4)}${'cd'.repeat(28)}`]
  const ids = Buffer.from(a + b + a + '12'.repeat(32), 'hex')
  assert.deepEqual([...new IdPrefixes(['abababab']).among(ids)], [a, b])
  assert.deepEqual([...new IdPrefixes([b.slice(0, 10), '99'.repeat(32)]).among(ids)], [b])
  assert.deepEqual(['abababab', 'ab', 'ABABABAB', `${a}0`].map(isIdPrefix), [true, false, false, false])
})
