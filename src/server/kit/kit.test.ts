import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { randomFrom, seeded, testSeed } from '../../../test/helpers/seed.ts'
import { setupCommands } from './commands.ts'
import type { Kit, KitLanguage, KitRepository } from './index.ts'
import { confirmKit, hashKitCode, kitPage, kitState, kitText, makeKitCode } from './index.ts'
import { secretLines } from './secret-lines.ts'
import { wordsIn } from './words.ts'

const day = 86_400_000
const now = Date.UTC(2026, 10, 23)
const office: KitRepository = {
  name: 'office',
  password: 'k3Jx8mQpW2vT7rYn5bHc9dFg4sLz6aEu',
  machines: ['server'],
  locations: [{ kind: 'rest', url: 'https://backup.example:8000/office/', user: 'kit', password: 'Zt6Q9rWx' }],
}
const kit: Kit = { client: 'Huber', made: now, code: 'ACDE-FGHJ-KMNP', repositories: [office], readers: ['the server'] }

function randomBytes() {
  const random = randomFrom(testSeed())
  return () => random.below(256)
}

test('a code typed back is right in whatever case and with whatever gaps', () => {
  const code = makeKitCode(randomBytes())
  assert.match(code, /^[ACDEFGHJKMNPQRTWXY34679]{4}-[ACDEFGHJKMNPQRTWXY34679]{4}-[ACDEFGHJKMNPQRTWXY34679]{4}$/)
  const kits = [{ hash: hashKitCode(code), made: now }]
  for (const typed of [code, code.toLowerCase(), code.replaceAll('-', ''), ` ${code.replaceAll('-', ' – ')} `]) {
    assert.deepEqual(confirmKit(typed, kits), { result: 'right' })
  }
})

test('every wrong character, and every two that are exchanged, are found by the code itself', () => {
  const code = makeKitCode(randomBytes()).replaceAll('-', '')
  const mistyped = { result: 'wrong', reason: 'mistyped' }
  for (let at = 0; at < code.length; at++) {
    for (const other of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789') {
      if (other === code[at]) continue
      assert.deepEqual(confirmKit(code.slice(0, at) + other + code.slice(at + 1), []), mistyped)
    }
    for (let with_ = at + 1; with_ < code.length; with_++) {
      if (code[at] === code[with_]) continue
      const places = Array.from(code)
      ;[places[at], places[with_]] = [code[with_] as string, code[at] as string]
      assert.deepEqual(confirmKit(places.join(''), []), mistyped)
    }
  }
  for (const typed of ['', code.slice(1), `${code}A`, '𝒜'.repeat(12)]) assert.deepEqual(confirmKit(typed, []), mistyped)
})

test('the code of an older kit is told from the newest, and that of a stranger from both', () => {
  const next = randomBytes()
  const [old, current, strange] = [makeKitCode(next), makeKitCode(next), makeKitCode(next)]
  const kits = [
    { hash: hashKitCode(current), made: now },
    { hash: hashKitCode(old), made: now - 400 * day },
  ]
  assert.deepEqual(confirmKit(current, kits), { result: 'right' })
  assert.deepEqual(confirmKit(old, kits), { result: 'old', made: now - 400 * day })
  assert.deepEqual(confirmKit(strange, kits), { result: 'wrong', reason: 'unknown' })
})

test('a kit counts as stored only while nothing speaks against it', () => {
  const made = now - 30 * day
  const confirmed = now - 10 * day
  const table = [
    [{ made: undefined, confirmed: undefined, changedSince: undefined }, 'none'],
    [{ made, confirmed: undefined, changedSince: undefined }, 'unconfirmed'],
    [{ made, confirmed: made - 1, changedSince: undefined }, 'unconfirmed'],
    [{ made, confirmed, changedSince: made + 1 }, 'outdated'],
    [{ made, confirmed: now + day, changedSince: undefined }, 'confirm-again'],
    [{ made: now - 500 * day, confirmed: now - 365 * day, changedSince: undefined }, 'confirm-again'],
    [{ made, confirmed, changedSince: made }, 'stored'],
    [{ made: now - 500 * day, confirmed: now - 364 * day, changedSince: undefined }, 'stored'],
  ] as const
  for (const [times, state] of table) {
    const found = kitState(times, now)
    assert.deepEqual([found.state, found.stored], [state, state === 'stored'])
  }
  assert.equal(kitState({ made, confirmed, changedSince: undefined }, now).due, confirmed + 365 * day)
})

test('a secret is printed whole, and every line has the checksum of its characters', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom('a', 'B', '3', '/', '+', '$', "'", '"', '\\', '~', '!'),
        minLength: 1,
        maxLength: 70,
      }),
      (secret) => {
        const lines = secretLines(secret)
        assert.equal(lines.map(({ groups }) => groups.replaceAll(' ', '')).join(''), secret)
        for (const { groups, checksum } of lines) {
          const hash = createHash('sha256').update(groups.replaceAll(' ', '')).digest('hex')
          assert.ok(hash.startsWith(checksum) && checksum.length === 4 && groups.length <= 19)
        }
      },
    ),
    seeded(),
  )
})

test('both languages say everything, each in its own words', () => {
  const [english, german] = [wordsIn('en'), wordsIn('de')]
  const same = Object.entries(english).filter(([name, words]) => {
    const other = german[name as keyof typeof german]
    return typeof words === 'string' && (words === other || other === '')
  })
  assert.deepEqual(
    same.map(([name]) => name),
    ['powershell'],
  )
  for (const [language, sign] of [
    ['en', 'Getting everything back'],
    ['de', 'Alles zurückholen'],
  ] as const) {
    for (const text of [kitText(kit, language), kitPage(kit, language)]) {
      for (const part of [
        sign,
        kit.code,
        'Zt6Q',
        'k3Jx 8mQp W2vT 7rYn',
        'restic restore latest --target restored',
        '2026',
      ]) {
        assert.ok(text.includes(part), `${language}: ${part}`)
      }
    }
  }
})

test('the page is one file without script, and no name can become markup', () => {
  const hostile = `<script>alert(1)</script>"'&<img src=x onerror=1>`
  const page = kitPage(
    {
      ...kit,
      client: hostile,
      contact: hostile,
      readers: [hostile],
      repositories: [
        {
          ...office,
          name: hostile,
          machines: [hostile, hostile],
          locations: [{ kind: 'local', path: hostile, disk: hostile }],
        },
      ],
    },
    'en',
  )
  const tags = new Set([...page.matchAll(/<\/?([a-z0-9]+)/gi)].map(([, name]) => name))
  const known =
    'html head meta title style body section header h1 h2 p b strong code div span table tr td footer'.split(' ')
  assert.deepEqual(
    [...tags].filter((name) => !known.includes(name as string)),
    [],
  )
  const attributes = [...page.matchAll(/<[a-z][^>]*>/gi)].join()
  assert.doesNotMatch(attributes, / on\w+=|src=|href=/)
  assert.doesNotMatch(/<style>.*<\/style>/s.exec(page)?.[0] ?? assert.fail(), /url\(|@import/)
  assert.match(page, /default-src 'none'; style-src 'unsafe-inline'/)
})

test('a small kit is one page; a large one says on each page which of how many it is, and loses nothing', () => {
  const pagesOf = (page: string) =>
    [...page.matchAll(/<span>Page (\d+) of (\d+)<\/span>/g)].map(([, at, of]) => `${at}/${of}`)
  assert.deepEqual(pagesOf(kitPage(kit, 'en')), ['1/1'])
  const machines = Array.from({ length: 2_000 }, (_, at) => `machine-${at}`)
  const repositories = [
    { ...office, machines },
    ...Array.from({ length: 9 }, (_, at) => ({ ...office, name: `pc-${at}` })),
  ]
  const large = kitPage({ ...kit, repositories }, 'en')
  const pages = pagesOf(large)
  assert.ok(pages.length > 10)
  assert.deepEqual(
    pages,
    pages.map((_, at) => `${at + 1}/${pages.length}`),
  )
  assert.equal(large.match(/<section>/g)?.length, pages.length)
  for (const machine of machines) assert.ok(large.includes(`--host &#39;${machine}&#39;`))
  for (let at = 0; at < 9; at++) assert.ok(large.includes(`Repository “pc-${at}”`))
})

test('a password that the server does not know has room to be written in, and no command sets it', () => {
  for (const language of ['en', 'de'] satisfies KitLanguage[]) {
    const text = kitText({ ...kit, repositories: [{ ...office, password: undefined }] }, language)
    assert.match(text, /_{40}/)
    assert.doesNotMatch(text, /(export |env:)RESTIC_PASSWORD ?=/)
  }
})

test('PowerShell gets every value between quotes that it cannot leave', () => {
  const location = {
    kind: 's3',
    endpoint: 'https://s3.example',
    bucket: "b'; rm x",
    prefix: '',
    accessKey: 'A’B',
    secretKey: 's',
  } as const
  assert.deepEqual(setupCommands(location, "p'w$x`", 'powershell'), [
    "$env:RESTIC_REPOSITORY = 's3:https://s3.example/b''; rm x'",
    "$env:AWS_ACCESS_KEY_ID = 'A’’B'",
    "$env:AWS_SECRET_ACCESS_KEY = 's'",
    "$env:RESTIC_PASSWORD = 'p''w$x`'",
  ])
})

test('what nobody could type, or would break a line, is refused and not repeated', () => {
  const withPassword = (password: string) => ({ ...kit, repositories: [{ ...office, password }] })
  for (const secret of ['pässword', 'two words', 'tab\t', 'line\nend', '']) {
    assert.throws(
      () => kitText(withPassword(secret), 'en'),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'KIT_SECRET_UNPRINTABLE')
        return secret === '' || !JSON.stringify([error.message, error]).includes(secret)
      },
    )
  }
  const invalid: Kit[] = [
    { ...kit, repositories: [] },
    { ...kit, client: 'a\nb' },
    { ...kit, repositories: [{ ...office, locations: [] }] },
    { ...kit, repositories: [{ ...office, machines: ['a\u2028b'] }] },
    { ...kit, repositories: [{ ...office, locations: [{ kind: 'local', path: 'a\nrm -rf /' }] }] },
    {
      ...kit,
      repositories: [{ ...office, locations: [{ kind: 'rest', url: 'https://x/', certificate: 'END\nrm -rf /' }] }],
    },
  ]
  for (const wrong of invalid) assert.throws(() => kitPage(wrong, 'de'), { code: 'KIT_INVALID' })
})
