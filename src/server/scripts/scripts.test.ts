import assert from 'node:assert/strict'
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { missing, peer } from '../../../test/helpers/peers.ts'
import type { RestServer } from '../../../test/helpers/rest-server.ts'
import { startRestServer } from '../../../test/helpers/rest-server.ts'
import { run, runOk } from '../../../test/helpers/run.ts'
import type { TempFolder } from '../../../test/helpers/temp.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import type { ScriptReport, ScriptSettings } from './index.ts'
import { outcomeOf, powershellScript, scriptReport, shellScript } from './index.ts'
import { shellPlaces } from './sh-script.ts'
import type { ShellPlaces } from './sh-script.ts'
import { scanPowerShell, someSettings } from './testing.ts'

const skip =
  missing('restic', 'rest-server') ||
  (!existsSync('/usr/bin/curl') && 'not on this machine: curl') ||
  (process.getuid?.() !== 0 && 'the script must be run by root')
const secrets = ['rest-canary', 'repository-canary', 'token-canary']

/** Takes what a script sends, and answers with `status`. */
async function startReceiver() {
  const received: { readonly token: string | undefined; readonly body: string }[] = []
  const receiver = {
    received,
    status: 200,
    url: '',
    reports: (): ScriptReport[] => received.map(({ body }) => scriptReport.parse(JSON.parse(body))),
  }
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      if (receiver.status === 200) received.push({ token: request.headers.authorization, body })
      response.writeHead(receiver.status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/reports?from=script`
  return Object.assign(receiver, {
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  })
}

/** A machine of its own: everything lies in a folder, and restic is the one that is tested with. */
function placesIn(folder: TempFolder, restic: string | null = peer('restic')): ShellPlaces {
  mkdirSync(folder.join('cron.d'), { recursive: true })
  mkdirSync(folder.join('bin'), { recursive: true })
  if (restic !== null && !existsSync(folder.join('bin', 'restic'))) symlinkSync(restic, folder.join('bin', 'restic'))
  return {
    ...shellPlaces.linux,
    settings: folder.join("the settings of $(it's)"),
    program: folder.join('program'),
    state: folder.join('state'),
    cron: folder.join('cron.d'),
    systemd: folder.join('systemd'),
    path: `${folder.join('bin')}:/usr/bin:/bin`,
  }
}

interface Scene {
  readonly folder: TempFolder
  readonly rest: RestServer
  readonly url: string
  readonly more?: Partial<ScriptSettings>
}

function settingsOf({ folder, rest, url, more }: Scene): ScriptSettings {
  return someSettings({
    machine: `pc "7" 'of' $(Ann)`,
    repository: { url: `http://127.0.0.1:${rest.port}/pc-7/`, user: 'pc-7', password: 'rest-canary@:/%' },
    report: { url, token: 'token-canary"\\' },
    paths: [folder.join("it's data")],
    excludes: ['*.tmp', '$cache'],
    ...more,
  })
}

function makeData(folder: TempFolder): void {
  mkdirSync(folder.join("it's data"))
  for (const name of ['ledger.txt', 'x.tmp', '$cache']) writeFileSync(folder.join("it's data", name), name)
}

const restUsers = { users: { 'pc-7': 'rest-canary@:/%' }, privateRepos: true, appendOnly: true } as const

test(
  'the Linux script installs itself, backs up with its own credential and reports; restic reads what it stored',
  { skip },
  async () => {
    await using folder = await tempFolder()
    await using rest = await startRestServer(restUsers)
    await using receiver = await startReceiver()
    makeData(folder)
    const places = placesIn(folder)
    const settings = settingsOf({ folder, rest, url: receiver.url })
    await runOk('sh', ['-s'], { input: shellScript(settings, 'linux', places) })
    for (const path of [places.settings, places.state]) assert.equal(statSync(path).mode & 0o777, 0o700)
    for (const name of readdirSync(places.settings))
      assert.equal(statSync(`${places.settings}/${name}`).mode & 0o777, 0o600)
    const cron = readFileSync(`${places.cron}/understudy-restic`, 'utf8')
    assert.match(cron, /^30 2 \* \* \* root \/bin\/sh '.*\/program\/run\.sh'\n@reboot root .* --if-missed\n$/)

    const output = await runOk('sh', [`${places.program}/run.sh`])
    assert.equal(output, '')
    const [report] = receiver.reports()
    assert.deepEqual([report?.machine, report?.exitCode, report?.errors], [settings.machine, 0, []])
    assert.equal(report && outcomeOf(report), 'done')
    assert.equal(report?.summary?.total_files_processed, 1)
    assert.equal(receiver.received[0]?.token, 'Bearer token-canary"\\')

    const env = {
      RESTIC_PASSWORD: settings.repositoryPassword,
      RESTIC_REST_USERNAME: 'pc-7',
      RESTIC_REST_PASSWORD: 'rest-canary@:/%',
    }
    const repository = `rest:http://127.0.0.1:${rest.port}/pc-7/`
    const [snapshot] = JSON.parse(
      await runOk(peer('restic'), ['-r', repository, 'snapshots', '--json'], { env }),
    ) as Record<string, unknown>[]
    assert.deepEqual([snapshot?.['id'], snapshot?.['hostname']], [report?.summary?.snapshot_id, settings.machine])
    const said = globSync(['state/log/*', 'program/*', 'cron.d/*'], { cwd: folder.path }).map((path) =>
      readFileSync(folder.join(path), 'utf8'),
    )
    for (const secret of secrets)
      assert.equal(`${said.join()}${receiver.received[0]?.body}`.includes(secret), false, secret)

    await runOk('sh', ['-s', 'uninstall'], { input: shellScript(settings, 'linux', places) })
    assert.deepEqual(readdirSync(folder.path).toSorted(), ['bin', 'cron.d', "it's data"])
    assert.deepEqual(readdirSync(places.cron), [])
  },
)

test(
  'what fails is reported: a path that is gone, a password that is wrong, a restic that is gone',
  { skip },
  async () => {
    await using folder = await tempFolder()
    await using receiver = await startReceiver()
    makeData(folder)
    const places = placesIn(folder)
    const runIt = async () => await run('sh', [`${places.program}/run.sh`])
    await using rest = await startRestServer(restUsers)
    const paths = [folder.join("it's data"), folder.join('gone\\"t')]
    const settings = settingsOf({ folder, rest, url: receiver.url, more: { paths } })
    await runOk('sh', ['-s'], { input: shellScript(settings, 'linux', places) })
    assert.equal((await runIt()).code, 3)
    writeFileSync(`${places.settings}/password`, 'wrong')
    assert.notEqual((await runIt()).code, 0)
    await runOk('rm', [folder.join('bin', 'restic')])
    assert.equal((await runIt()).code, 127)
    const reports = receiver.reports()
    assert.deepEqual(reports.map(outcomeOf), ['done-with-warnings', 'failed', 'failed'])
    assert.ok(reports[0]?.errors.some((line) => line.includes('gone')))
    assert.ok(reports[1]?.errors.some((line) => line.includes('wrong password')))
    assert.deepEqual([reports[2]?.restic, reports[2]?.errors], [null, ['restic is not installed']])
  },
)

test('reports that nobody takes are kept and sent by the next run, in their order', { skip }, async () => {
  await using folder = await tempFolder()
  await using rest = await startRestServer(restUsers)
  await using receiver = await startReceiver()
  makeData(folder)
  const places = placesIn(folder)
  await runOk('sh', ['-s'], { input: shellScript(settingsOf({ folder, rest, url: receiver.url }), 'linux', places) })
  receiver.status = 503
  await runOk('sh', [`${places.program}/run.sh`])
  assert.equal(readdirSync(`${places.state}/reports`).length, 1)
  for (let old = 10; old < 90; old++) writeFileSync(`${places.state}/reports/20200101T0000${old}Z-1.json`, '{}')
  receiver.status = 200
  await runOk('sh', [`${places.program}/run.sh`])
  assert.deepEqual(readdirSync(`${places.state}/reports`), [])
  const [first, ...others] = receiver.received
  assert.equal(first?.body, '{}')
  assert.equal(others.length, 49)
  assert.deepEqual(
    receiver.received.slice(-2).map(({ body }) => outcomeOf(scriptReport.parse(JSON.parse(body)))),
    ['done', 'done'],
  )
})

test(
  'after a start of the machine it runs only when there was no run for a day, and its log does not grow without end',
  { skip },
  async () => {
    await using folder = await tempFolder()
    await using rest = await startRestServer(restUsers)
    await using receiver = await startReceiver()
    makeData(folder)
    const places = placesIn(folder)
    await runOk('sh', ['-s'], { input: shellScript(settingsOf({ folder, rest, url: receiver.url }), 'linux', places) })
    const atStart = async () => await runOk('sh', [`${places.program}/run.sh`, '--if-missed'])
    await atStart()
    await atStart()
    assert.equal(receiver.received.length, 1)
    const log = `${places.state}/log/backup.log`
    for (let round = 0; round < 6; round++) {
      writeFileSync(log, `round ${round}\n`.repeat(200_000))
      utimesSync(`${places.state}/last-start`, 0, 0)
      await atStart()
    }
    assert.equal(receiver.received.length, 7)
    assert.deepEqual(readdirSync(dirname(log)), [
      'backup.log',
      'backup.log.1',
      'backup.log.2',
      'backup.log.3',
      'backup.log.4',
    ])
    assert.ok(
      readFileSync(`${log}.1`, 'utf8').startsWith('round 5') && readFileSync(`${log}.4`, 'utf8').startsWith('round 2'),
    )
    assert.deepEqual(globSync('state/run.*', { cwd: folder.path }), [])
  },
)

test(
  'it installs nothing without restic, with one that is too old, or where the server refuses',
  { skip },
  async () => {
    await using folder = await tempFolder()
    await using rest = await startRestServer(restUsers)
    const url = 'http://127.0.0.1:1/api/reports'
    const old = folder.join('old-restic')
    writeFileSync(old, '#!/bin/sh\necho "restic 0.9.6 compiled with go1.14"\n', { mode: 0o755 })
    const refused = { url: `http://127.0.0.1:${rest.port}/pc-8/`, user: 'pc-7', password: 'wrong' }
    const cases = [
      [null, {}, /restic is not installed\. Get it from https:\/\/restic\.net/],
      [old, {}, /restic 0\.9\.6 is too old: 0\.14\.0 or newer/],
      [peer('restic'), { repository: refused }, /cannot be opened, so nothing was scheduled/],
    ] as const
    for (const [at, [restic, more, words]] of cases.entries()) {
      await using machine = await tempFolder()
      const places = { ...placesIn(machine, restic), path: `${machine.join('bin')}:/usr/bin:/bin` }
      const settings = settingsOf({ folder, rest, url, more })
      const { code, stderr } = await run('sh', ['-s'], { input: shellScript(settings, 'linux', places) })
      assert.equal(code, 1, `case ${at}`)
      assert.match(stderr, words)
      assert.deepEqual(readdirSync(places.cron), [])
    }
  },
)

test(
  "Debian 12's restic, the oldest that is allowed, works as well",
  { skip: skip || missing('restic-0.14') },
  async () => {
    await using folder = await tempFolder()
    await using rest = await startRestServer(restUsers)
    await using receiver = await startReceiver()
    makeData(folder)
    const places = placesIn(folder, peer('restic-0.14'))
    await runOk('sh', ['-s'], { input: shellScript(settingsOf({ folder, rest, url: receiver.url }), 'linux', places) })
    await runOk('sh', [`${places.program}/run.sh`])
    const [report] = receiver.reports()
    assert.deepEqual([report?.restic, report && outcomeOf(report)], ['0.14.0', 'done'])
  },
)

const hostile: Partial<ScriptSettings> = {
  machine: `'"\`$(touch /tmp/understudy-owned)'@ ’; exit #`,
  repositoryPassword: `p'’"$x`,
  excludes: ["'@", '’; Remove-Item C:\\ -Recurse #', 'UNDERSTUDY_END'],
}

test('the macOS script is one that a shell can read, with hostile names too, and schedules with launchd', async () => {
  const script = shellScript(someSettings({ ...hostile, paths: ["/Users/it's"], onBattery: false }), 'macos')
  for (const shell of ['sh', 'bash'].filter((name) => existsSync(`/bin/${name}`))) {
    await runOk(`/bin/${shell}`, ['-n', '-s'], { input: script })
    // The program that is scheduled lies in the script as text.
    const program = /<<'UNDERSTUDY_END'\n(#!\/bin\/sh[\s\S]*?)\nUNDERSTUDY_END\n/.exec(script)?.[1] ?? assert.fail()
    await runOk(`/bin/${shell}`, ['-n', '-s'], { input: program })
  }
  for (const part of [
    '<key>StartCalendarInterval</key>',
    'launchctl bootstrap system',
    'pmset -g batt',
    'Full Disk Access',
  ]) {
    assert.ok(script.includes(part), part)
  }
})

// PowerShell is not on the machines that test this: its grammar, as it is documented, stands in for it.
test('the Windows script keeps every value in a string of its own, and closes all that it opens', () => {
  const settings = someSettings({
    ...hostile,
    paths: ['C:\\Users', "D:\\it's ’data’"],
    schedule: { hour: 23, minute: 5, days: ['monday', 'friday'] },
  })
  const script = powershellScript(settings)
  assert.ok(script.startsWith('\ufeff# Understudy') && !/[^\r]\n/.test(script))
  const tokens = scanPowerShell(script)
  const values = tokens.flatMap(({ kind, text }) => (kind === 'verbatim' ? [text] : []))
  for (const value of [
    settings.repositoryPassword,
    ...settings.paths,
    'rest:http://pc-7:rest-canary@127.0.0.1:8000/pc-7/',
  ]) {
    assert.ok(values.includes(value), value)
  }
  const program = tokens.find(({ kind }) => kind === 'here')?.text ?? assert.fail()
  const inside = scanPowerShell(program)
  assert.ok(inside.some(({ kind, text }) => kind === 'verbatim' && text === settings.machine))
  for (const secret of [...secrets, settings.repositoryPassword]) assert.equal(program.includes(secret), false)
  for (const part of ['--use-fs-snapshot', '--iexclude-file excludes', '--files-from-verbatim paths'])
    assert.ok(program.includes(part), part)
  for (const part of [
    '-StartWhenAvailable',
    '-AllowStartIfOnBatteries',
    '-DaysOfWeek Monday, Friday',
    'SetAccessRuleProtection($true, $false)',
  ]) {
    assert.ok(script.includes(part), part)
  }
  for (const program_ of [tokens, inside]) {
    const open: string[] = []
    for (const { kind, text } of program_) {
      if (kind !== 'other') continue
      if ('([{'.includes(text)) open.push({ '(': ')', '[': ']', '{': '}' }[text] as string)
      else if (')]}'.includes(text)) assert.equal(open.pop(), text)
    }
    assert.deepEqual(open, [])
  }
})

test('what would break a line, or is no address, is refused', () => {
  const wrong: Partial<ScriptSettings>[] = [
    { machine: '' },
    { machine: 'a\nrm -rf /' },
    { repositoryPassword: ' begins with a blank' },
    { repository: { url: 'http://backup.example/', user: 'u', password: 'p' } },
    { repository: { url: 'ftp://x/', user: 'u', password: 'p' } },
    { repository: { url: 'https://u:p@x/', user: 'u', password: 'p' } },
    { report: { url: 'https://x/', token: 'two words' } },
    { paths: [] },
    { paths: ['relative'] },
    { paths: ['/a\nb'] },
    { excludes: ['a\0b'] },
    { certificate: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n' },
    { uploadLimit: 0 },
    { schedule: { hour: 24, minute: 0 } },
    { schedule: { hour: 1, minute: 0, days: [] } },
  ]
  for (const more of wrong)
    assert.throws(() => shellScript(someSettings(more), 'linux'), { code: 'SCRIPT_INVALID' }, JSON.stringify(more))
  assert.throws(() => powershellScript(someSettings({ paths: ['/home'] })), { code: 'SCRIPT_INVALID' })
})

test('a run without a snapshot is never a good one', () => {
  const report: ScriptReport = {
    format: 1,
    system: 'linux',
    machine: 'pc',
    started: '2026-01-01T00:00:00Z',
    ended: '2026-01-01T00:01:00Z',
    exitCode: 0,
    restic: '0.19.1',
    summary: null,
    errors: [],
  }
  assert.equal(outcomeOf(report), 'failed')
  assert.equal(scriptReport.safeParse({ ...report, errors: Array.from({ length: 21 }, () => 'x') }).success, false)
})
