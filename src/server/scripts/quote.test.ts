import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { missing, peer } from '../../../test/helpers/peers.ts'
import { run, runOk } from '../../../test/helpers/run.ts'
import { seeded } from '../../../test/helpers/seed.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { escapeXml, isOneLine, quotePowerShell, quoteSh } from './quote.ts'
import { launchdJob, onCalendar, quoteSystemd, systemdUnits } from './schedule.ts'
import { excludeLine, quoteCurl } from './settings.ts'
import { scanPowerShell } from './testing.ts'

/** What breaks out of quotes in one language or another, and any other characters between. */
const nasty = fc.oneof(
  fc.constantFrom(
    "'",
    '"',
    '\\',
    '`',
    '$',
    '$(',
    ')',
    '%',
    '!',
    '#',
    '&',
    '<',
    '>',
    '|',
    ';',
    '*',
    '~',
    '{',
    '}',
    '-',
    ' ',
    '’',
    '‘',
    '‚',
    '‛',
    '“',
    "'@",
    'UNDERSTUDY_END',
    '%s',
    '\\n',
    'ä',
    '😀',
    '\u202e',
  ),
  fc.string({ unit: 'grapheme', maxLength: 3 }),
)
const oneLine = fc
  .array(nasty, { maxLength: 12 })
  .map((parts) => parts.join(''))
  .filter(isOneLine)
const many = fc.array(oneLine, { minLength: 1, maxLength: 200 })

const shells = ['dash', 'bash', 'sh'].filter((shell) => existsSync(`/bin/${shell}`))

test(`a value between quotes comes out of a real shell as it went in (${shells.join(', ')})`, async () => {
  const property = fc.asyncProperty(many, async (values) => {
    const script = values.map((value) => `printf '%s\\n' ${quoteSh(value)}`).join('\n')
    for (const shell of shells) {
      const printed = await runOk(`/bin/${shell}`, ['-s'], { input: script })
      assert.deepEqual(printed.split('\n').slice(0, -1), values)
    }
  })
  await fc.assert(property, { ...seeded(), numRuns: 15 })
})

// PowerShell is not on the machines that test this: its grammar, as it is documented, stands in for it.
test('a value between quotes is one verbatim string of PowerShell', () => {
  fc.assert(
    fc.property(many, (values) => {
      const tokens = scanPowerShell(`Use @(${values.map(quotePowerShell).join(', ')}) # '`)
      assert.deepEqual(
        tokens.filter(({ kind }) => kind === 'verbatim').map(({ text }) => text),
        values,
      )
    }),
    seeded(),
  )
  assert.equal(quotePowerShell("it's ‘so’ $x `n"), "'it''s ‘‘so’’ $x `n'")
})

test(
  'a job of launchd is read by another program as it was meant, whatever the path',
  { skip: missing('python3') },
  async () => {
    const read =
      'import plistlib, sys, json; print(json.dumps([plistlib.loads(j.encode()) for j in json.load(sys.stdin)]))'
    const property = fc.asyncProperty(many, async (paths) => {
      const jobs = paths.map((path) => launchdJob('label', path, { hour: 2, minute: 30, days: ['sunday', 'friday'] }))
      const input = JSON.stringify(jobs)
      const found = JSON.parse(await runOk(peer('python3'), ['-c', read], { input })) as Record<string, unknown>[]
      assert.deepEqual(
        found.map((job) => job['ProgramArguments']),
        paths.map((path) => ['/bin/sh', path]),
      )
      assert.deepEqual(found[0]?.['StartCalendarInterval'], [
        { Hour: 2, Minute: 30, Weekday: 0 },
        { Hour: 2, Minute: 30, Weekday: 5 },
      ])
    })
    await fc.assert(property, { ...seeded(), numRuns: 5 })
    assert.equal(escapeXml(`<a b="c">'&`), '&lt;a b=&quot;c&quot;&gt;&#39;&amp;')
  },
)

const skipSystemd = !existsSync('/usr/bin/systemd-analyze') && 'not on this machine: systemd-analyze'

test('the units of systemd are ones that systemd itself accepts', { skip: skipSystemd }, async () => {
  await using folder = await tempFolder()
  const { service, timer } = systemdUnits(folder.join('a %h $HOME "b".sh'), {
    schedule: { hour: 2, minute: 5 },
    onBattery: false,
  })
  writeFileSync(folder.join('understudy-restic.service'), service)
  writeFileSync(folder.join('understudy-restic.timer'), timer)
  const files = ['understudy-restic.service', 'understudy-restic.timer'].map((name) => folder.join(name))
  const { stderr } = await run('systemd-analyze', ['verify', '--man=no', ...files])
  assert.doesNotMatch(stderr, /understudy-restic/)
  const when = onCalendar({ hour: 2, minute: 5, days: ['saturday', 'sunday'] })
  assert.match(await runOk('systemd-analyze', ['calendar', when]), /Normalized form: Sat,Sun \*-\*-\* 02:05:00/)
  assert.equal(quoteSystemd('50%$x"\\'), String.raw`"50%%$$x\"\\"`)
})

const skipCurl = !existsSync('/usr/bin/curl') && 'not on this machine: curl'

test('curl takes address and header from its file as they were meant', { skip: skipCurl }, async (t) => {
  const seen: (string | undefined)[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers['x-value'] as string | undefined)
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  await using folder = await tempFolder()
  const values = fc.sample(
    fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), minLength: 1 }),
    {
      ...seeded(),
      numRuns: 30,
    },
  )
  const parts = [...values, '"\\', '\\"', '\\n'].map((value) => [
    `url = ${quoteCurl(`http://127.0.0.1:${port}/`)}`,
    `header = ${quoteCurl(`X-Value: ${value}`)}`,
    'silent',
  ])
  writeFileSync(folder.join('config'), parts.map((lines) => lines.join('\n')).join('\nnext\n'))
  await runOk('curl', ['--config', folder.join('config')])
  assert.deepEqual(seen, [...values, '"\\', '\\"', '\\n'])
})

test(
  'a pattern in a file leaves out what it names and nothing else, as restic itself reads it',
  { skip: missing('restic') },
  async () => {
    await using folder = await tempFolder()
    const names = ['#comment', '$HOME', '$$', ' blank', 'blank ', ' ', '${x}', 'plain', '!not']
    mkdirSync(folder.join('data'))
    for (const name of [...names, 'kept', 'HOME']) writeFileSync(folder.join('data', name), name)
    // `!` begins an exception in restic's own language of patterns, so it is not for us to take its meaning away.
    const patterns = names.filter((name) => name !== '!not')
    writeFileSync(folder.join('excludes'), patterns.map((name) => `${excludeLine(name)}\n`).join(''))
    const env = { RESTIC_PASSWORD: 'x', RESTIC_REPOSITORY: folder.join('repository') }
    await runOk(peer('restic'), ['init'], { env })
    const args = ['backup', '--exclude-file', folder.join('excludes'), folder.join('data')]
    await runOk(peer('restic'), args, { env })
    await runOk(peer('restic'), ['restore', 'latest', '--target', folder.join('back')], { env })
    assert.deepEqual(readdirSync(folder.join('back', folder.join('data'))).toSorted(), ['!not', 'HOME', 'kept'])
  },
)
