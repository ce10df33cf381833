import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAgo, formatDuration, formatExactSize, formatSize } from './formats.ts'

/** Spaces that do not break are spaces to who reads. */
function plain(text: string): string {
  return text.replace(/[\u00a0\u202f]/g, ' ')
}

test('sizes are written as the locale writes them, and exactly for who wants to know', () => {
  assert.equal(plain(formatSize(0, 'en')), '0 bytes')
  assert.equal(plain(formatSize(1_500, 'en')), '1.5 kB')
  assert.equal(plain(formatSize(1_500_000_000, 'de')), '1,5 GB')
  assert.equal(plain(formatSize(7e18, 'en')), '7,000 PB')
  assert.equal(plain(formatExactSize(1_234_567, 'de')), '1.234.567 Byte')
})

test('a duration has its two largest units, and none that is not there', () => {
  assert.equal(plain(formatDuration(5_400, 'en')), '1 hr 30 min')
  assert.equal(plain(formatDuration(86_400 + 59, 'en')), '1 day')
  assert.equal(plain(formatDuration(0.2, 'en')), '0 sec')
  assert.equal(plain(formatDuration(3_600, 'de')), '1 Std.')
})

test('what has just happened is now, and nothing is rounded up to more than it is', () => {
  const now = Date.parse('2026-11-23T12:00:00Z')
  assert.equal(formatAgo(now - 20_000, now, 'en'), 'now')
  assert.equal(formatAgo(now - 3_599_000, now, 'en'), '59 minutes ago')
  assert.equal(formatAgo('2026-11-21T12:00:00Z', now, 'de'), 'vorgestern')
  assert.equal(formatAgo(now + 2 * 3_600_000, now, 'en'), 'in 2 hours')
})
