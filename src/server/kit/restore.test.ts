import assert from 'node:assert/strict'
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { missing, peer } from '../../../test/helpers/peers.ts'
import { Authority, missingOpenssl, startRestServer } from '../../../test/helpers/rest-server.ts'
import { run, runOk } from '../../../test/helpers/run.ts'
import { startS3Server } from '../../../test/helpers/s3-server.ts'
import type { TempFolder } from '../../../test/helpers/temp.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import type { Kit, KitLocation } from './index.ts'
import { kitText } from './index.ts'
import { dirname, join } from 'node:path'

const password = `k3Jx8'mQpW2vT$(7)rYn5"bHc\\9`

function kitOf(location: KitLocation, machines: readonly string[]): Kit {
  const repository = { name: 'office', password, machines, locations: [location] }
  return {
    client: 'Huber',
    made: Date.UTC(2026, 10, 23),
    code: 'ACDE-FGHJ-KMNP',
    repositories: [repository],
    readers: [],
  }
}

/** The commands below each label of the text, as somebody would copy them. */
function commandsIn(text: string): Map<string, string[]> {
  const blocks = text.split('\n\n').flatMap((block) => {
    const [, label, commands] = /^\n?\[(.+)\]\n([\s\S]+)$/.exec(block) ?? []
    return label === undefined || commands === undefined ? [] : [[label, commands] as const]
  })
  const byLabel = Map.groupBy(blocks, ([label]) => label)
  return new Map([...byLabel].map(([label, found]) => [label, found.map(([, commands]) => commands)]))
}

/** Stores a file of each machine with stock restic, and nothing but the kit is left. */
async function store(location: KitLocation, folder: TempFolder, machines: readonly string[]): Promise<void> {
  const env = { ...environmentOf(location), RESTIC_PASSWORD: password }
  await runOk(peer('restic'), ['init', '--repo', repositoryOf(location)], { env })
  for (const machine of machines) {
    mkdirSync(folder.join('data', machine), { recursive: true })
    writeFileSync(folder.join('data', machine, 'ledger.txt'), `all of ${machine}`)
    const args = ['backup', '--repo', repositoryOf(location), '--host', machine, '.']
    await runOk(peer('restic'), args, { env, cwd: folder.join('data', machine) })
  }
  rmSync(folder.join('data'), { recursive: true })
}

// Written here once more, by hand, so that the kit is not tested by its own words.
function repositoryOf(location: KitLocation): string {
  if (location.kind === 'rest') return `rest:${location.url}`
  if (location.kind === 's3') return `s3:${location.endpoint}/${location.bucket}/${location.prefix}`
  return location.kind === 'local' ? location.path : assert.fail()
}

function environmentOf(location: KitLocation): Record<string, string> {
  if (location.kind === 's3')
    return { AWS_ACCESS_KEY_ID: location.accessKey, AWS_SECRET_ACCESS_KEY: location.secretKey }
  if (location.kind !== 'rest') return {}
  const { user = '', password: secret = '' } = location
  return { RESTIC_REST_USERNAME: user, RESTIC_REST_PASSWORD: secret }
}

const cleared = [
  'RESTIC_REPOSITORY',
  'RESTIC_PASSWORD',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_DEFAULT_REGION',
]

/** Types all that the kit says into a shell, in its order, and gives what each part printed. */
async function follow(kit: Kit, language: 'en' | 'de', folder: TempFolder): Promise<string[]> {
  const commands = commandsIn(kitText(kit, language))
  const [set, after] = language === 'en' ? ['Linux and macOS', 'Afterwards'] : ['Linux und macOS', 'Danach']
  const [list, prove] = commands.get('restic') as [string, string]
  const parts = [
    commands.get(set)?.[0],
    commands.get('Linux')?.[0],
    list,
    (commands.get(after) ?? commands.get(`${after}, ${set}`))?.[0],
    prove,
  ]
  const env = Object.fromEntries(cleared.map((name) => [name, undefined]))
  const path = `${dirname(peer('restic'))}:${process.env['PATH']}`
  const script = parts.map((part) => part ?? assert.fail('a part is missing')).join('\necho @@@@@\n')
  const { code, stdout, stderr } = await run('sh', ['-eu', '-c', script], {
    cwd: folder.path,
    env: { ...env, PATH: path },
  })
  assert.equal(code, 0, stderr)
  return stdout.split('@@@@@\n')
}

async function comesBack(
  location: KitLocation,
  machines: readonly string[],
  language: 'en' | 'de' = 'en',
): Promise<void> {
  await using folder = await tempFolder()
  await store(location, folder, machines)
  const kit = kitOf(location, machines)
  const [, checksums, listed, , proven] = await follow(kit, language, folder)
  const printed = [...kitText(kit, language).matchAll(/^ {2}\d {2}\S.* {3}([0-9a-f]{4})$/gm)].map(([, sum]) => sum)
  assert.deepEqual(checksums?.trim().split('\n'), printed.slice(0, 2))
  for (const machine of machines) assert.ok(listed?.includes(machine.slice(0, 10)))
  assert.match(proven ?? '', /no errors were found/)
  // All machines stored a file of the same name.
  const texts = globSync('**/ledger.txt', { cwd: folder.join('restored') }).map((path) =>
    readFileSync(folder.join('restored', path), 'utf8'),
  )
  assert.deepEqual(texts.toSorted(), machines.map((machine) => `all of ${machine}`).toSorted())
}

test('the commands of the kit bring the data back from a local folder', { skip: missing('restic') }, async () => {
  await using folder = await tempFolder()
  await comesBack({ kind: 'local', path: folder.join("it's a disk; $HOME") }, ['server'])
})

test('the commands of the German kit do the same', { skip: missing('restic') }, async () => {
  await using folder = await tempFolder()
  await comesBack({ kind: 'local', path: folder.join('Platte') }, ['server', "Ann's `pc`"], 'de')
})

test(
  'the commands of the kit bring the data back from a REST server, with a password',
  { skip: missing('restic', 'rest-server') },
  async () => {
    const rest = { user: 'kit', password: "a'b$c" }
    await using server = await startRestServer({ users: { [rest.user]: rest.password } })
    await comesBack({ kind: 'rest', url: `http://127.0.0.1:${server.port}/office/`, ...rest }, ['server', 'pc-2'])
  },
)

test(
  'the kit carries the certificate of a server that made its own',
  { skip: missing('restic', 'rest-server') || missingOpenssl() },
  async () => {
    await using folder = await tempFolder()
    const authority = new Authority(folder.path)
    await using server = await startRestServer({ tls: authority.sign('server', { host: 'IP:127.0.0.1' }) })
    const certificate = /-----BEGIN[\s\S]+/.exec(readFileSync(authority.cert, 'utf8'))?.[0] ?? assert.fail()
    const url = `https://127.0.0.1:${server.port}/office/`
    const env = { RESTIC_PASSWORD: password, RESTIC_CACERT: authority.cert }
    await runOk(peer('restic'), ['init', '--repo', `rest:${url}`], { env })
    writeFileSync(folder.join('ledger.txt'), 'all')
    await runOk(peer('restic'), ['backup', '--repo', `rest:${url}`, 'ledger.txt'], { env, cwd: folder.path })
    rmSync(folder.join('ledger.txt'))
    await using place = await tempFolder()
    await follow(kitOf({ kind: 'rest', url, certificate }, ['server']), 'en', place)
    assert.equal(readFileSync(join(place.path, 'restored', 'ledger.txt'), 'utf8'), 'all')
  },
)

test('the commands of the kit bring the data back from S3', { skip: missing('restic', 'rclone-s3') }, async () => {
  await using server = await startS3Server('rclone')
  const keys = { accessKey: server.env.AWS_ACCESS_KEY_ID, secretKey: server.env.AWS_SECRET_ACCESS_KEY }
  const endpoint = `http://127.0.0.1:${server.port}`
  await comesBack({ kind: 's3', endpoint, bucket: 'backup', prefix: 'office/server', ...keys }, ['server'])
})
