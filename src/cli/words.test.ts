import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatGoMode } from './go-mode.ts'
import { encodeJson, omitEmpty } from './json.ts'
import { plainMessage } from './failure-text.ts'
import { splitShellWords } from './shell-words.ts'
import { formatTable } from './table.ts'
import { displayWidth, truncate } from './width.ts'
import { formatPercent, formatWallTime, parseGoDuration, parseWallTime } from './words.ts'

test('durations are read as Go reads them', () => {
  assert.equal(parseGoDuration('1h30m'), 5_400_000)
  assert.equal(parseGoDuration('1.5s'), 1500)
  assert.equal(parseGoDuration('0'), 0)
  for (const text of ['', '5', 'm', '5 m', '-5m', '1y']) assert.equal(parseGoDuration(text), undefined, text)
})

test('a time on the wall clock survives printing and reading, and a day that is not in the calendar is none', () => {
  const time = parseWallTime('2026-01-31 22:08:41') as number
  assert.equal(formatWallTime(time), '2026-01-31 22:08:41')
  for (const text of ['2026-02-30 00:00:00', '2026-01-31', '2026-01-31T22:08:41', '2026-01-31 24:00:00']) {
    assert.equal(parseWallTime(text), undefined, text)
  }
})

test('percentages are those of restic', () => {
  assert.deepEqual([formatPercent(1, 3), formatPercent(5, 4), formatPercent(0, 0)], ['33.33%', '100.00%', ''])
})

test('commands are split as a shell splits them, and nothing in them is expanded', () => {
  assert.deepEqual(splitShellWords(`pass show 'my backup' "a \\"b\\"" c\\ d $HOME`), [
    'pass',
    'show',
    'my backup',
    'a "b"',
    'c d',
    '$HOME',
  ])
  assert.deepEqual(splitShellWords("a ''"), ['a', ''])
  for (const line of ['', '  ', "a 'b"]) assert.equal(splitShellWords(line), undefined, line)
})

test('numbers beyond 2^53 stay exact in JSON, and what a terminal might act on is escaped', () => {
  assert.equal(encodeJson({ size: 18446744073709551615n }), '{"size":18446744073709551615}')
  const hostile = encodeJson({ name: 'a\u001b[2J\u009b\u202eb' })
  assert.match(hostile, /^[\x20-\x7e]+$/)
  assert.deepEqual(JSON.parse(hostile), { name: 'a\u001b[2J\u009b\u202eb' })
  assert.deepEqual(omitEmpty({ a: 0, b: '', c: [], d: false, e: undefined, f: 1, g: 0n }), { f: 1 })
})

test('modes are printed as Go prints them', () => {
  assert.equal(formatGoMode(0o644), '-rw-r--r--')
  assert.equal(formatGoMode(2 ** 31 + 0o755), 'drwxr-xr-x')
  assert.equal(formatGoMode(2 ** 27 + 0o777), 'Lrwxrwxrwx')
  assert.equal(formatGoMode(2 ** 26 + 2 ** 21 + 0o600), 'Dcrw-------')
  assert.equal(formatGoMode(2 ** 23 + 0o755), 'urwxr-xr-x')
})

test('columns of a table line up, also with wide letters and cells of several lines', () => {
  const columns = [
    { title: 'Name', cell: ({ name }: { name: string }) => name },
    { title: 'Paths', cell: () => ['/a', '/b'] },
  ]
  const lines = formatTable(columns, [{ name: '日本' }, { name: 'x\u001b' }], { footer: ['2 rows'] })
  assert.deepEqual(lines, [
    'Name     Paths',
    '--------------',
    '日本     /a',
    '         /b',
    'x\\u001b  /a',
    '         /b',
    '--------------',
    '2 rows',
  ])
  assert.equal(displayWidth('日本'), 4)
  assert.equal(truncate('日本語', 5), '日本')
})

test('errors of the system are told without the words for programmers in them', () => {
  const error = Object.assign(new Error("ENOENT: no such file or directory, lstat '/x'"), { code: 'ENOENT' })
  assert.equal(plainMessage(error), 'no such file or directory (ENOENT)')
  assert.equal(plainMessage(new Error('It is broken.')), 'It is broken.')
})
