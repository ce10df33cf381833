import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { descendants, missingSshd, type Sshd, type SshdOptions, startSshd } from '../../test/helpers/sshd.ts'
import { fileOf, listAll, rejectsWith } from './conformance.ts'
import { openBackend } from './open.ts'
import { SftpBackend, type SftpOptions } from './sftp.ts'
import { sftpCommand } from './sftp-command.ts'

/** SFTP through the system's ssh to a real sshd: what the conformance suite does not ask. */

const skip = missingSshd()

let shared: Promise<Sshd> | undefined
let stores = 0
const server = () => (shared ??= startSshd())
after(async () => (await shared)?.[Symbol.asyncDispose]())

function backendOn(sshd: Sshd, options: Partial<SftpOptions> = {}): SftpBackend {
  const path = join(sshd.folder, `store-${++stores}`)
  const address = { host: '127.0.0.1', port: String(sshd.port) }
  return new SftpBackend({ address, path, location: `sftp:there:${path}`, args: sshd.args, ...options })
}

function storeOf({ location }: SftpBackend): string {
  return location.slice('sftp:there:'.length)
}

test('ssh is told all that the location says, and not to ask when nobody can answer', () => {
  const address = { user: 'anna', host: 'host', port: '22' }
  const env = {}
  assert.deepEqual(
    sftpCommand(address, { args: ['-i', 'key'], env }, { silent: true }),
    'ssh -p 22 -l anna -i key -o BatchMode=yes -s -- host sftp'.split(' '),
  )
  assert.deepEqual(sftpCommand({ host: 'host' }, { env }, { silent: false }), 'ssh -s -- host sftp'.split(' '))
  const askpass = { SSH_ASKPASS: '/usr/bin/askpass' }
  assert.deepEqual(sftpCommand({ host: 'h' }, { env: askpass }, { silent: true }), 'ssh -s -- h sftp'.split(' '))
  assert.deepEqual(sftpCommand(address, { command: ['my', 'way'] }, { silent: true }), ['my', 'way'])
})

test('files and folders are for their owner alone, or for the group that may read the config', { skip }, async () => {
  await using backend = backendOn(await server())
  const modeOf = async (...parts: string[]) => (await stat(join(storeOf(backend), ...parts))).mode & 0o777
  await backend.create()
  const bytes = randomBytes(10)
  const { name } = fileOf('pack', bytes)
  await backend.write({ type: 'config', name: '' }, bytes)
  await backend.write(fileOf('pack', bytes), bytes)
  assert.deepEqual(await Promise.all([modeOf(), modeOf('data'), modeOf('config')]), [0o700, 0o700, 0o400])
  assert.equal(await modeOf('data', name.slice(0, 2), name), 0o400)
  await chmod(join(storeOf(backend), 'config'), 0o440)
  await rm(join(storeOf(backend), 'index'), { recursive: true })
  await using grouped = new SftpBackend({
    address: { host: '127.0.0.1', port: String((await server()).port) },
    path: storeOf(backend),
    location: backend.location,
    args: (await server()).args,
  })
  await grouped.write(fileOf('index', bytes), bytes)
  assert.deepEqual(await Promise.all([modeOf('index'), modeOf('index', name)]), [0o770, 0o440])
})

test('what crashed writers have left is removed after a day, what writers make now is not', { skip }, async () => {
  await using backend = backendOn(await server())
  await backend.create()
  const name = 'a'.repeat(64)
  const [old, young] = ['1', '2'].map((end) => join(storeOf(backend), 'index', `${name}-tmp-${end}`)) as [
    string,
    string,
  ]
  for (const path of [old, young]) await writeFile(path, 'x')
  await utimes(old, new Date(0), new Date(Date.now() - 25 * 60 * 60 * 1000))
  assert.deepEqual(await listAll(backend, 'index'), [])
  assert.ok(existsSync(old), 'whoever only reads removes nothing')
  await backend.write(fileOf('key', Buffer.from('k')), Buffer.from('k'))
  await listAll(backend, 'index')
  await listAll(backend, 'index') // comes after the removal, which nobody waits for
  assert.deepEqual([existsSync(old), existsSync(young)], [false, true])
})

test('a folder that is missing in a repository is a fault, not an empty list', { skip }, async () => {
  await using backend = backendOn(await server())
  await backend.create()
  for (const folder of ['snapshots', 'locks']) await rm(join(storeOf(backend), folder), { recursive: true })
  assert.deepEqual(await listAll(backend, 'snapshot'), [])
  await backend.write({ type: 'config', name: '' }, Buffer.from('c'))
  assert.match((await rejectsWith('STORAGE_FAILED', listAll(backend, 'snapshot'))).message, /snapshots is missing/)
  assert.deepEqual(await listAll(backend, 'lock'), [])
  await rm(storeOf(backend), { recursive: true })
  await rejectsWith('STORAGE_FAILED', backend.write(fileOf('pack', Buffer.from('p')), Buffer.from('p')))
  assert.ok(!existsSync(storeOf(backend)), 'the folder may be a disk that is not mounted')
})

test('locks show their age by the clock of the server', { skip }, async () => {
  await using backend = backendOn(await server())
  await backend.create()
  const [ours, other] = [Buffer.from('a'), Buffer.from('b')]
  await backend.write(fileOf('lock', other), other)
  const path = join(storeOf(backend), 'locks', fileOf('lock', other).name)
  await utimes(path, new Date(), new Date(Date.now() - 3_600_000))
  await backend.write(fileOf('lock', ours), ours)
  const ages = new Map((await Array.fromAsync(backend.list('lock'))).map(({ name, age }) => [name, age ?? NaN]))
  assert.ok(Math.abs((ages.get(fileOf('lock', other).name) ?? NaN) - 3_600_000) < 60_000)
  assert.ok((ages.get(fileOf('lock', ours).name) ?? NaN) < 60_000)
})

test('many calls get several connections, and none is left when the storage is closed', { skip }, async () => {
  const backend = backendOn(await server())
  await backend.create()
  for (let round = 0; round < 50 && backend.pids.length < 3; round++) {
    const packs = Array.from({ length: 8 }, () => randomBytes(300_000))
    await Promise.all(packs.map((bytes) => backend.write(fileOf('pack', bytes), bytes)))
  }
  const { pids } = backend
  assert.equal(pids.length, 3)
  await backend[Symbol.asyncDispose]()
  assert.deepEqual(pids.filter(isAlive), [])
})

test('when ssh is killed in the middle, the call is made again on a new connection', { skip }, async () => {
  const retries: string[] = []
  await using storage = await openStore(await server(), { onRetry: ({ error }) => retries.push(error.code) })
  const { backend, bytes, file } = storage
  let killed = false
  const progress = () => {
    if (!killed) process.kill(ownSsh(), 'SIGKILL')
    killed = true
  }
  await backend.write(file, bytes, { progress })
  assert.deepEqual(retries, ['STORAGE_FAILED'])
  assert.ok((await backend.read(file)).equals(bytes))
})

test('when the server hangs, the call is ended and made again on a new connection', { skip }, async () => {
  const sshd = await server()
  const retries: string[] = []
  const stallSeconds = 2
  await using storage = await openStore(sshd, { stallSeconds, onRetry: ({ error }) => retries.push(error.code) })
  const { backend, bytes, file } = storage
  const stopped = sshd.connections()
  sshd.signal('SIGSTOP', stopped)
  await backend.write(file, bytes)
  assert.equal(retries[0], 'STORAGE_STALLED')
  assert.ok((await backend.read(file)).equals(bytes))
  sshd.signal('SIGCONT', stopped.filter(isAlive))
})

test('what is wrong with the connection is said in words that tell what to do', { skip, timeout: 60_000 }, async () => {
  const sshd = await server()
  const file = { type: 'config', name: '' } as const
  const failing = async (code: string, options: Partial<SftpOptions>) => {
    await using backend = backendOn(sshd, options)
    return await rejectsWith(code, backend.size(file))
  }
  const [none, key, hosts] = [
    ['-F', 'none'],
    ['-i', sshd.key],
    ['-o', `UserKnownHostsFile=${sshd.knownHosts}`],
  ]
  const strange = join(sshd.folder, 'strange-hosts')
  const otherKey = readFileSync(`${sshd.key}.pub`, 'utf8')
  await writeFile(strange, `[127.0.0.1]:${sshd.port} ${otherKey}`)

  const unknown = await failing('SSH_HOST_KEY_UNKNOWN', {
    args: [...none, ...key, '-o', 'UserKnownHostsFile=/dev/null'],
  })
  assert.match(unknown.hint, new RegExp(`ssh -p ${sshd.port} 127\\.0\\.0\\.1`))
  const changed = await failing('SSH_HOST_KEY_CHANGED', {
    args: [...none, ...key, '-o', `UserKnownHostsFile=${strange}`],
  })
  assert.match(changed.hint, new RegExp(`ssh-keygen -R "\\[127\\.0\\.0\\.1\\]:${sshd.port}"`))
  const refused = await failing('SSH_LOGIN_REFUSED', {
    args: [...none, ...hosts, '-o', 'IdentityAgent=none', '-o', 'IdentityFile=/nonexistent'],
  })
  assert.match(refused.message, /Permission denied \(publickey\)/)
  const away = { address: { host: '127.0.0.1', port: '1' } }
  assert.equal((await failing('STORAGE_UNREACHABLE', away)).transient, true)
  await failing('SSH_NOT_FOUND', { command: ['/nonexistent/ssh'] })
  await failing('SSH_NOT_FOUND', { command: ['no-such-program-anywhere'] })
  await failing('SSH_NOT_USABLE', { args: ['-o', 'NoSuchOption=1'] })
  const chatty = await failing('SFTP_NOT_OFFERED', { command: ['echo', 'Welcome, \x1b[31mfriend'] })
  assert.match(chatty.message, /"Welcome, \\u001b\[31mfriend"/)
  const mute = await failing('STORAGE_UNREACHABLE', { command: ['sleep', '60'], connectSeconds: 0.2 })
  assert.match(mute.message, /no answer in time/)
})

test('a server without SFTP, and one that only lets read, say so', { skip }, async () => {
  const bytes = Buffer.from('x')
  await withServer({ subsystem: false }, async (sshd) => {
    await using backend = backendOn(sshd)
    const error = await rejectsWith('SFTP_NOT_OFFERED', backend.size({ type: 'config', name: '' }))
    assert.equal(error.transient, false)
  })
  await withServer({ subsystem: '/nonexistent/sftp-server' }, async (sshd) => {
    await using backend = backendOn(sshd)
    await rejectsWith('SFTP_NOT_OFFERED', backend.size({ type: 'config', name: '' }))
  })
  await withServer({ subsystem: 'internal-sftp -R' }, async (sshd) => {
    await using backend = backendOn(sshd)
    await mkdir(join(storeOf(backend), 'index'), { recursive: true })
    await rejectsWith('ACCESS_DENIED', backend.write(fileOf('index', bytes), bytes))
  })
})

test('a server that cannot sync is used, and the user is told once what that means', { skip }, async () => {
  await withServer({ subsystem: 'internal-sftp -P fsync' }, async (sshd) => {
    const notices: string[] = []
    await using backend = backendOn(sshd, { onNotice: (sentence) => notices.push(sentence) })
    await backend.create()
    for (const bytes of [randomBytes(5), randomBytes(5)]) await backend.write(fileOf('index', bytes), bytes)
    assert.equal(notices.length, 1)
    assert.match(notices[0] as string, /power cut/)
  })
})

test(
  'a full disk of the server says so, and takes files again once there is room',
  { skip: skip || noMounts() },
  async () => {
    const sshd = await server()
    await using backend = backendOn(sshd)
    await mkdir(storeOf(backend))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', storeOf(backend)])
    try {
      await backend.create()
      const [large, small] = [randomBytes(3 << 20), randomBytes(100_000)]
      await rejectsWith('STORAGE_FULL', backend.write(fileOf('pack', large), large))
      await backend.write(fileOf('pack', small), small)
      const { name } = fileOf('pack', large)
      assert.deepEqual(await readdir(join(storeOf(backend), 'data', name.slice(0, 2))), [])
    } finally {
      execFileSync('umount', ['-l', storeOf(backend)])
    }
  },
)

function noMounts(): string | false {
  return process.geteuid?.() !== 0 && 'needs root, to mount a small file system'
}

async function withServer(options: SshdOptions, work: (sshd: Sshd) => Promise<void>): Promise<void> {
  await using sshd = await startSshd(options)
  await work(sshd)
}

/** A created store, behind all wrappers, and a file for it. */
async function openStore(sshd: Sshd, options: Parameters<typeof openBackend>[1]) {
  const location = sshd.location(`store-${++stores}`)
  const backend = openBackend(location, { sftp: { args: sshd.args }, connections: 1, ...options })
  await backend.create()
  const bytes = randomBytes(8 << 20)
  return { backend, bytes, file: fileOf('pack', bytes), [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() }
}

/** The ssh that this test file has started; there is one at that moment. */
function ownSsh(): number {
  const isSsh = (pid: number) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'ssh\n'
  return descendants(process.pid).find(isSsh) ?? assert.fail('there is no ssh')
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}
