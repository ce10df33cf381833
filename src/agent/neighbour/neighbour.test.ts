import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { backUp } from '#archiver'
import type { Listing, SourceEntry } from '#archiver'
import { LocalBackend } from '#backend'
import { hasCode } from '#base'
import type { UnderstudyError } from '#base'
import { initRepository, loadSnapshots, openRepository } from '#repository'
import { cheapenKey } from '../../../test/helpers/cheap-key.ts'
import { missingFtpd, startFtpd } from '../../../test/helpers/ftpd.ts'
import { initInMemory } from '../../../test/helpers/memory-repository.ts'
import { missing, peer } from '../../../test/helpers/peers.ts'
import { Authority, missingOpenssl } from '../../../test/helpers/rest-server.ts'
import { runOk } from '../../../test/helpers/run.ts'
import { missingSmbd, startSmbd } from '../../../test/helpers/smbd.ts'
import { descendants, missingSshd, startSshd } from '../../../test/helpers/sshd.ts'
import type { Sshd } from '../../../test/helpers/sshd.ts'
import { tempFolder } from '../../../test/helpers/temp.ts'
import type { FtpDevice, NeighbourDevice, NeighbourOptions, SftpDevice, SmbDevice } from './index.ts'
import { openNeighbour } from './index.ts'
import { createContentReader } from './neighbour-reader.ts'

const rclone = missing('rclone') ? 'rclone' : peer('rclone')
const skipSftp = missing('rclone') || missingSshd()
const skipFtp = missing('rclone') || missingFtpd()
const skipSmb = missing('rclone') || missingSmbd()
const identity = {
  hostname: 'press-4',
  username: 'agent',
  uid: 0,
  gid: 0,
  tags: [],
  excludes: [],
  programVersion: 'understudy test',
}

async function open(device: NeighbourDevice, options: NeighbourOptions = {}) {
  return await openNeighbour(device, { rclone, ...options })
}

function sftpOf(sshd: Sshd, more: Partial<SftpDevice> = {}): SftpDevice {
  const [type, key] = fs.readFileSync(join(sshd.folder, 'host.pub'), 'utf8').split(' ')
  return {
    kind: 'sftp',
    name: 'press-4',
    host: '127.0.0.1',
    port: sshd.port,
    user: userInfo().username,
    privateKey: fs.readFileSync(sshd.key, 'utf8'),
    hostKeys: [`${type} ${key}`],
    paths: [join(sshd.folder, 'tree')],
    ...more,
  }
}

/** A tree to read, with what such machines have. */
function makeTree(at: string): void {
  fs.mkdirSync(join(at, 'programs', 'ünïcode & spaces %41 [x]'), { recursive: true })
  fs.mkdirSync(join(at, 'empty'))
  fs.writeFileSync(join(at, 'programs', 'main.awl'), 'U E0.0\n= A0.0\n')
  fs.writeFileSync(join(at, 'programs', 'ünïcode & spaces %41 [x]', '#1?.txt'), 'odd')
  fs.writeFileSync(join(at, 'nothing'), '')
  fs.writeFileSync(join(at, 'large'), Buffer.alloc(5_000_001, 'recipe'))
  fs.utimesSync(join(at, 'large'), 1_600_000_000, 1_600_000_000)
}

/** Every file below, with its content: what must come back. */
function contentsOf(folder: string): Record<string, string> {
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const pairs = files.map(({ parentPath, name }) => {
    const path = join(parentPath, name)
    return [path.slice(folder.length), fs.readFileSync(path, 'latin1')] as const
  })
  return Object.fromEntries(pairs.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    assert.ok((error as UnderstudyError).hint, `no hint: ${String(error)}`)
    return (error as UnderstudyError).code
  }
  return 'it worked'
}

/** The name and the entry of everything that a folder of the source lists. */
function byName({ entries }: Listing): Map<string, SourceEntry> {
  return new Map(entries.map((entry) => [entry.name.toString(), entry]))
}

test(
  'restic restores what was read over SFTP, and a second run reads nothing again',
  { skip: skipSftp || missing('restic') },
  async () => {
    await using folder = await tempFolder()
    // `-R`: this server would refuse every write.
    await using sshd = await startSshd({ subsystem: 'internal-sftp -R' })
    makeTree(join(sshd.folder, 'tree'))
    const place = folder.join('repository')
    const settings = { password: 'kept' }
    ;(await initRepository(new LocalBackend(place), settings))[Symbol.dispose]()
    cheapenKey(place, settings.password)
    const repository = await openRepository(new LocalBackend(place), settings)
    const results = []
    for (let round = 0; round < 2; round++) {
      await using source = await open(sftpOf(sshd))
      results.push(await backUp(repository, source, { identity, threads: 2 }))
    }
    const env = { RESTIC_PASSWORD: settings.password, RESTIC_REPOSITORY: place }
    await runOk(peer('restic'), ['restore', 'latest', '--target', folder.join('back')], { env })
    const tree = join(sshd.folder, 'tree')
    assert.deepEqual(contentsOf(folder.join('back', tree)), contentsOf(tree))
    assert.equal(fs.statSync(folder.join('back', tree, 'large')).mtimeMs, 1_600_000_000_000)
    assert.equal(fs.statSync(folder.join('back', tree, 'large')).mode & 0o777, 0o600)
    assert.ok(fs.existsSync(folder.join('back', tree, 'empty')))
    const [first, second] = results
    assert.deepEqual([first?.counts.filesNew, first?.problems], [4, []])
    assert.deepEqual([second?.counts.filesUnmodified, second?.counts.filesNew], [4, 0])
    assert.ok(second?.tree.equals(first?.tree as Buffer))
  },
)

test('a shop floor controller is read over FTP, one connection at a time', { skip: skipFtp }, async () => {
  await using folder = await tempFolder()
  makeTree(folder.join('tree'))
  fs.chmodSync(folder.path, 0o755)
  await using ftpd = await startFtpd({ path: folder.join('tree'), user: 'plc', password: 'p:a ss' })
  const device: FtpDevice = {
    kind: 'ftp',
    name: 'press-4',
    host: '127.0.0.1',
    port: ftpd.port,
    user: 'plc',
    password: 'p:a ss',
    encryption: 'none',
    connections: 1,
    paths: ['/'],
  }
  const { repository } = await initInMemory()
  const counts = []
  for (let round = 0; round < 2; round++) {
    await using source = await open(device)
    const result = await backUp(repository, source, { identity, threads: 2 })
    assert.deepEqual(result.problems, [])
    counts.push([result.counts.filesNew, result.counts.filesUnmodified, result.counts.totalBytesProcessed])
  }
  const bytes = 5_000_001n + 14n + 3n
  assert.deepEqual(counts, [
    [4, 0, bytes],
    [0, 4, bytes],
  ])
  assert.equal(await codeOf(open({ ...device, password: 'wrong' })), 'DEVICE_LOGIN_REFUSED')
  assert.equal(await codeOf(open({ ...device, encryption: 'explicit' })), 'DEVICE_UNREACHABLE')
  assert.equal(await codeOf(open({ ...device, paths: ['/nowhere'] })), 'DEVICE_PATHS_MISSING')
})

test(
  'FTP over TLS asks for a certificate that somebody signed, unless any will do',
  { skip: skipFtp || missingOpenssl() },
  async () => {
    await using folder = await tempFolder()
    fs.mkdirSync(folder.join('tree'))
    fs.writeFileSync(folder.join('tree', 'recipe'), 'salt')
    fs.chmodSync(folder.path, 0o755)
    const tls = new Authority(folder.path).sign('plc', { host: 'IP:127.0.0.1' })
    await using ftpd = await startFtpd({ path: folder.join('tree'), user: 'plc', password: 'secret', tls })
    const common = { kind: 'ftp', name: 'press-4', host: '127.0.0.1', port: ftpd.port, user: 'plc' } as const
    const device: FtpDevice = { ...common, password: 'secret', encryption: 'explicit', paths: ['/'] }
    assert.equal(await codeOf(open(device)), 'DEVICE_NOT_TRUSTED')
    await using source = await open({ ...device, certificate: 'any' })
    assert.deepEqual([...byName(await source.list(source.root)).keys()], ['recipe'])
  },
)

test('a NAS is read over SMB, several folders of several depths at once', { skip: skipSmb }, async () => {
  await using folder = await tempFolder()
  makeTree(folder.join('tree'))
  await using smbd = await startSmbd('data', folder.join('tree'), 'p:a ss')
  const device: SmbDevice = {
    kind: 'smb',
    name: 'nas',
    host: '127.0.0.1',
    port: smbd.port,
    user: smbd.user,
    password: 'p:a ss',
    paths: ['/data/programs', '/data/large', '/data/programs/ünïcode & spaces %41 [x]', '/data/gone'],
  }
  const { repository } = await initInMemory()
  await using source = await open(device)
  assert.deepEqual(source.paths, ['/data/programs', '/data/large'])
  const { counts, problems } = await backUp(repository, source, { identity, threads: 2 })
  assert.deepEqual([counts.filesNew, counts.totalBytesProcessed], [3, 5_000_018n])
  assert.deepEqual(
    problems.map(({ error }) => (error as UnderstudyError).code),
    ['DEVICE_ENTRY_MISSING'],
  )
  assert.equal(await codeOf(open({ ...device, password: 'wrong' })), 'DEVICE_LOGIN_REFUSED')
})

test(
  'what cannot be kept is said: symlinks, names that are not UTF-8, files that may not be read, patterns',
  { skip: skipFtp || skipSftp },
  async () => {
    await using sshd = await startSshd()
    const tree = join(sshd.folder, 'tree')
    makeTree(tree)
    fs.symlinkSync('.', join(tree, 'loop'))
    fs.symlinkSync('nowhere', join(tree, 'dangling'))
    fs.writeFileSync(Buffer.from(`${tree}/lat\xfcn`, 'latin1'), 'old')
    const warnings: string[] = []
    const excluded: string[] = []
    await using source = await open(sftpOf(sshd), {
      excludes: ['*.awl', 'empty'],
      onWarning: (path, error) => warnings.push(`${path.toString()} ${hasCode(error, 'SYMLINK_NOT_KEPT')}`),
      onExcluded: (path) => excluded.push(path.toString()),
    })
    const { repository } = await initInMemory()
    const { counts, problems } = await backUp(repository, source, { identity, threads: 1 })
    assert.equal(counts.filesNew, 3)
    assert.deepEqual(warnings.toSorted(), [`${tree}/dangling true`, `${tree}/loop true`])
    assert.deepEqual(excluded.toSorted(), [`${tree}/empty`, `${tree}/programs/main.awl`])
    assert.deepEqual(
      problems.map(({ error }) => (error as UnderstudyError).code),
      ['DEVICE_NAME_UNUSABLE'],
    )
  },
)

test('a file that may not be read is a problem of its own', { skip: skipFtp }, async () => {
  await using folder = await tempFolder()
  makeTree(folder.join('tree'))
  fs.chmodSync(folder.path, 0o755)
  fs.chmodSync(folder.join('tree', 'large'), 0o600) // the server reads as nobody
  await using ftpd = await startFtpd({ path: folder.join('tree'), user: 'plc', password: 'secret' })
  const common = { kind: 'ftp', name: 'press-4', host: '127.0.0.1', port: ftpd.port, user: 'plc' } as const
  await using source = await open({ ...common, password: 'secret', encryption: 'none', paths: ['/'] })
  const { repository } = await initInMemory()
  const { counts, problems } = await backUp(repository, source, { identity, threads: 1 })
  assert.equal(counts.filesNew, 3)
  assert.deepEqual(
    problems.map(({ path, error }) => [path.toString(), (error as UnderstudyError).code]),
    [['/large', 'DEVICE_ENTRY_REFUSED']],
  )
})

test('files that vanish or change while they are read are noticed', { skip: skipSftp }, async () => {
  await using sshd = await startSshd()
  const tree = join(sshd.folder, 'tree')
  makeTree(tree)
  await using source = await open(sftpOf(sshd, { paths: [join(tree, 'programs'), join(tree, 'large')] }))
  let folder = source.root
  for (const name of tree.split('/').slice(1)) {
    folder = byName(await source.list(folder)).get(name)?.folder ?? assert.fail(name)
  }
  const ref = byName(await source.list(folder)).get('large')?.ref
  const reader = createContentReader(source.reader.options)
  const buffer = Buffer.alloc(6_000_000)
  {
    using content = reader.open(ref)
    assert.equal(content.read(buffer), 5_000_001)
    assert.equal(content.changed(), false)
    fs.utimesSync(join(tree, 'large'), 1_700_000_000, 1_700_000_000)
    assert.equal(content.changed(), true)
    content.rewind()
    assert.equal(content.read(buffer.subarray(0, 1_000_000)), 1_000_000)
    assert.match(content.node.mtime, /^2023-11-14T22:13:20Z$/)
  }
  fs.writeFileSync(join(tree, 'large'), 'shorter now')
  {
    using content = reader.open(ref)
    assert.equal(content.node.size, 11n)
    assert.equal(buffer.toString('latin1', 0, content.read(buffer)), 'shorter now')
    fs.rmSync(join(tree, 'large'))
    assert.equal(content.changed(), true)
  }
  assert.throws(() => reader.open(ref), { code: 'DEVICE_ENTRY_MISSING' })
})

test('a machine that stops answering ends the backup without a snapshot', { skip: skipSftp }, async () => {
  await using sshd = await startSshd()
  makeTree(join(sshd.folder, 'tree'))
  const { repository } = await initInMemory()
  await using source = await open(sftpOf(sshd), { patience: 500 })
  const listener = Number(fs.readFileSync(join(sshd.folder, 'pid'), 'utf8'))
  sshd.signal('SIGSTOP', [listener, ...sshd.connections()])
  const code = await codeOf(backUp(repository, source, { identity, threads: 1 }))
  sshd.signal('SIGCONT', [listener])
  assert.equal(code, 'DEVICE_LOST')
  assert.deepEqual(await loadSnapshots(repository), [])
})

test('a machine that takes the connection and says nothing is given up', { skip: skipSftp }, async (t) => {
  const server = createServer((socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as { readonly port: number }
  await using sshd = await startSshd()
  assert.equal(await codeOf(open(sftpOf(sshd, { port }), { patience: 500 })), 'DEVICE_UNREACHABLE')
})

test('a machine that cannot prove itself, or does not let us in, is named as such', { skip: skipSftp }, async () => {
  await using sshd = await startSshd()
  makeTree(join(sshd.folder, 'tree'))
  const [type, key] = fs.readFileSync(`${sshd.key}.pub`, 'utf8').split(' ')
  assert.equal(await codeOf(open(sftpOf(sshd, { hostKeys: [`${type} ${key}`] }))), 'DEVICE_NOT_TRUSTED')
  await using other = await startSshd()
  const privateKey = fs.readFileSync(other.key, 'utf8')
  assert.equal(await codeOf(open(sftpOf(sshd, { privateKey }))), 'DEVICE_LOGIN_REFUSED')
  assert.equal(await codeOf(open(sftpOf(sshd, { port: 1 }))), 'DEVICE_UNREACHABLE')
})

test(
  'credentials are in no argument, no environment and no file, and nothing is left behind',
  { skip: skipFtp },
  async () => {
    await using folder = await tempFolder()
    fs.mkdirSync(folder.join('tree'))
    fs.chmodSync(folder.path, 0o755)
    const password = 'canary-Xq7LmW'
    await using ftpd = await startFtpd({ path: folder.join('tree'), user: 'plc', password })
    const common = { kind: 'ftp', name: 'press-4', host: '127.0.0.1', port: ftpd.port, user: 'plc' } as const
    let place: string
    {
      await using source = await open({ ...common, password, encryption: 'none', paths: ['/'] })
      const isRclone = (pid: number) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--rc-serve')
      const pid = descendants(process.pid).find(isRclone)
      const about = ['cmdline', 'environ'].map((name) => fs.readFileSync(`/proc/${pid}/${name}`, 'utf8')).join()
      place = /unix:\/\/(.*?)\/rc\0/.exec(about)?.[1] ?? assert.fail(about)
      assert.equal(about.includes(password), false)
      assert.equal(fs.statSync(place).mode & 0o777, 0o700)
      assert.equal(JSON.stringify(contentsOf(place)).includes(password), false)
      assert.equal(JSON.stringify(source).includes(password), false)
    }
    assert.equal(fs.existsSync(place), false)
  },
)

test('a description that cannot be meant is refused before anything is started', async () => {
  const good: SftpDevice = {
    kind: 'sftp',
    name: 'x',
    host: '10.0.0.1',
    user: 'u',
    password: 'p',
    hostKeys: ['ssh-ed25519 AAAA'],
    paths: ['/'],
  }
  const bad: NeighbourDevice[] = [
    { ...good, host: '-oProxyCommand=x' },
    { ...good, host: 'a b' },
    { ...good, port: 0 },
    { ...good, user: 'a\nb' },
    { ...good, hostKeys: [] },
    { ...good, hostKeys: ['ssh-ed25519 AAAA\n* ssh-rsa BBBB'] },
    { ...good, paths: [] },
    { ...good, paths: ['relative'] },
    { ...good, paths: ['/a/../b'] },
    { ...good, connections: 0 },
    { ...good, privateKey: 'both' },
    { kind: 'smb', name: 'x', host: 'nas', user: 'u', password: 'p', paths: ['/'] },
    { kind: 'ftp', name: 'x', host: 'plc', user: 'u', encryption: 'none', paths: ['/'] },
  ]
  for (const device of bad)
    assert.equal(await codeOf(openNeighbour(device, { rclone: '/nonexistent' })), 'DEVICE_INVALID')
  assert.equal(await codeOf(openNeighbour(good, { rclone: '/nonexistent' })), 'RCLONE_NOT_FOUND')
})

test('an rclone that is too old is named with what is needed', async () => {
  await using folder = await tempFolder()
  const old = folder.join('rclone')
  fs.writeFileSync(old, '#!/bin/sh\necho "rclone v1.60.1-DEV"\n', { mode: 0o755 })
  const device: SmbDevice = { kind: 'smb', name: 'x', host: 'nas', user: 'u', password: 'p', paths: ['/data'] }
  await assert.rejects(openNeighbour(device, { rclone: old }), {
    code: 'RCLONE_TOO_OLD',
    message: /1\.60\.1 .*1\.63\.0/,
  })
})
