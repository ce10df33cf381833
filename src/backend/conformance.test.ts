import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after } from 'node:test'
import { missing } from '../../test/helpers/peers.ts'
import {
  Authority,
  type Certificate,
  missingOpenssl,
  type RestServer,
  type RestServerOptions,
  startRestServer,
} from '../../test/helpers/rest-server.ts'
import { missingSshd, type Sshd, startSshd } from '../../test/helpers/sshd.ts'
import { type S3Server, type S3ServiceName, s3Services, startS3Server } from '../../test/helpers/s3-server.ts'
import { ScriptedS3Server } from '../../test/helpers/scripted-s3-server.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import type { Backend } from './backend.ts'
import { CacheBackend } from './cache.ts'
import { type BackendUnderTest, testBackend } from './conformance.ts'
import { ConnectionsBackend } from './connections.ts'
import { FaultyBackend } from './faulty.ts'
import { LocalBackend } from './local.ts'
import { MemoryBackend } from './memory.ts'
import { openBackend } from './open.ts'
import { parseLocation } from './location.ts'
import { RetryBackend } from './retry.ts'
import { SftpBackend } from './sftp.ts'
import { S3Backend } from './s3.ts'
import { WatchdogBackend } from './watchdog.ts'

testBackend('a folder on the disk', () => openFolder(tmpdir()))
testBackend('a folder in memory (tmpfs)', () => openFolder('/dev/shm'), {
  skip: !existsSync('/dev/shm') && 'this system has no /dev/shm',
})
testBackend('a folder, opened by its location', () => openFolder(tmpdir(), (path) => openBackend(`local:${path}`)))

testBackend('memory', () => inMemory((backend) => backend))
testBackend('the watchdog', () => inMemory((backend) => new WatchdogBackend(backend)))
testBackend('bounded connections', () => inMemory((backend) => new ConnectionsBackend(backend, 2)))
testBackend('retry', () => inMemory((backend) => new RetryBackend(backend)))
testBackend('a faulty backend without faults', () => inMemory((backend) => new FaultyBackend(backend)))
testBackend('the cache', () => openCached())

const noServer = missing('rest-server')
testBackend('a REST server', () => openRest({}), { skip: noServer })
testBackend('a REST server behind a Unix socket', () => openUnixSocket(), {
  skip: noServer || (process.platform === 'win32' && 'no Unix sockets on Windows'),
})
testBackend(
  'a REST server with private repositories',
  () => openRest({ users: { anna: 'geheim@/:%' }, privateRepos: true }, { user: 'anna', password: 'geheim@/:%' }),
  { skip: noServer },
)
testBackend('an append-only REST server', () => openRest({ appendOnly: true }), { skip: noServer, appendOnly: true })
for (const { name, skip } of s3Services()) {
  testBackend(`an S3 service (${name})`, () => openS3(name), { skip, tidiesLater: name === 'rclone' })
}
testBackend('an S3 service with TLS (s3rver)', () => openS3('s3rver', { tls: true }), {
  skip: missing('s3rver') || missingOpenssl(),
})
testBackend('an S3 service that refuses to replace files (scripted)', () => openScriptedS3({ conditions: true }))
testBackend('an S3 service that replaces files (scripted)', () => openScriptedS3({ conditions: false }))

testBackend('a REST server with TLS', () => openTls(), { skip: noServer || missingOpenssl() })

const noSshd = missingSshd()
testBackend('an SFTP server', () => openSftp(), { skip: noSshd })
testBackend(
  'an SFTP server without extensions',
  () => openSftp('internal-sftp -P hardlink,fsync,posix-rename,statvfs,limits'),
  { skip: noSshd },
)

async function openFolder(
  base: string,
  open: (path: string) => Backend = (path) => new LocalBackend(path),
): Promise<BackendUnderTest> {
  const folder = await tempFolder(base)
  const path = folder.join('repository')
  const backend = open(path)
  await backend.create()
  return under(backend, folder, (parts, bytes) => plantIn(path, parts, bytes))
}

async function inMemory(wrap: (backend: MemoryBackend) => Backend | Promise<Backend>): Promise<BackendUnderTest> {
  const memory = new MemoryBackend()
  return {
    ...under(await wrap(memory)),
    async plant([folder = '', ...rest], bytes) {
      memory.files.set(`${folder === 'data' ? 'pack' : folder}/${rest.at(-1)}`, Buffer.from(bytes))
    },
  }
}

async function openCached(): Promise<BackendUnderTest> {
  const folder = await tempFolder()
  const options = { repositoryId: 'a'.repeat(64), folder: folder.path }
  const tested = await inMemory((memory) => CacheBackend.open(memory, options))
  return under(tested.backend, folder, tested.plant)
}

/** What is disposed of in one go: first the backend, then what it stands on. */
function under(backend: Backend, below?: AsyncDisposable, plant: BackendUnderTest['plant'] = async () => undefined) {
  return {
    backend,
    plant,
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]()
      await below?.[Symbol.asyncDispose]()
    },
  }
}

async function openRest(
  options: RestServerOptions,
  login?: { readonly user: string; readonly password: string },
  tls?: { readonly cacerts: readonly string[] },
): Promise<BackendUnderTest> {
  const server = await sharedServer(options)
  const name = `store-${++stores}`
  const path = options.privateRepos ? `${login?.user}/${name}` : name
  const user = login ? `${login.user}:${encodeURIComponent(login.password)}@` : ''
  const host = `${user}127.0.0.1:${server.port}`
  const scheme = options.tls ? 'https' : 'http'
  const location = options.socket ? `rest:http+unix://${options.socket}:/${path}/` : `rest:${scheme}://${host}/${path}`
  const backend = openBackend(location, { retryLimit: 0, env: {}, tls })
  await backend.create()
  return under(backend, undefined, (parts, bytes) => plantIn(join(server.folder, path), parts, bytes))
}

async function openS3(name: S3ServiceName, { tls = false } = {}): Promise<BackendUnderTest> {
  const authority = tls ? await authorityOnce() : undefined
  const server = await sharedS3(name, authority?.server)
  const bucket = `store-${++stores}`
  const location = `s3:${tls ? 'https' : 'http'}://127.0.0.1:${server.port}/${bucket}/some/where`
  const options = { env: server.env, ...(authority && { tls: { cacerts: [authority.cert] } }) }
  const backend = openBackend(location, options)
  await backend.create()
  return under(backend, undefined, (parts, bytes) => server.plant([bucket, 'some', 'where', ...parts], bytes))
}

async function openScriptedS3({ conditions }: { readonly conditions: boolean }): Promise<BackendUnderTest> {
  const server = await ScriptedS3Server.start()
  server.conditions = conditions
  // Small parts, so that the suite's large files are sent in some.
  const location = parseLocation(server.location)
  assert.ok(location.scheme === 's3')
  const env = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' }
  const backend = new S3Backend(location, { env, partSize: 5 << 20, settleTime: 10 })
  await backend.create()
  return under(backend, server, async (parts, bytes) => {
    server.objects.set(['pre/fix', ...parts].join('/'), Buffer.from(bytes))
  })
}

async function openUnixSocket(): Promise<BackendUnderTest> {
  return openRest({ socket: join(await sharedFolder(), 'socket') })
}

async function openTls(): Promise<BackendUnderTest> {
  const authority = await authorityOnce()
  return openRest({ tls: authority.server }, undefined, { cacerts: [authority.cert] })
}

// Servers serve all tests, each in a repository of its own: starting one takes longer than a test.
const resources: AsyncDisposable[] = []
const servers = new Map<string, Promise<RestServer>>()
const s3Servers = new Map<string, Promise<S3Server>>()
const sshds = new Map<string, Promise<Sshd>>()
let stores = 0

after(async () => {
  for (const resource of resources.toReversed()) await resource[Symbol.asyncDispose]()
})

async function openSftp(subsystem?: string): Promise<BackendUnderTest> {
  const server = await sharedSshd(subsystem)
  const name = `store-${++stores}`
  const location = server.location(name)
  const path = join(server.folder, name)
  const address = { host: '127.0.0.1', port: String(server.port) }
  const backend = new SftpBackend({ address, path, location, args: server.args })
  await backend.create()
  return under(backend, undefined, (parts, bytes) => plantIn(path, parts, bytes))
}

function sharedSshd(subsystem: string | undefined): Promise<Sshd> {
  const key = subsystem ?? ''
  const server = sshds.get(key) ?? startSshd({ subsystem })
  if (!sshds.has(key)) server.then((started) => resources.push(started)).catch(() => undefined)
  sshds.set(key, server)
  return server
}

function sharedServer(options: RestServerOptions): Promise<RestServer> {
  const key = JSON.stringify(options)
  const server = servers.get(key) ?? startRestServer(options)
  if (!servers.has(key)) server.then((started) => resources.push(started)).catch(() => undefined)
  servers.set(key, server)
  return server
}

function sharedS3(name: S3ServiceName, tls: Certificate | undefined): Promise<S3Server> {
  const key = `${name} ${tls?.cert}`
  const server = s3Servers.get(key) ?? startS3Server(name, { tls })
  if (!s3Servers.has(key)) server.then((started) => resources.push(started)).catch(() => undefined)
  s3Servers.set(key, server)
  return server
}

const sharedFolder = once(async () => {
  const folder = await tempFolder()
  resources.push(folder)
  return folder.path
})

const authorityOnce = once(async () => {
  const authority = new Authority(await sharedFolder())
  return { cert: authority.cert, server: authority.sign('server', { host: 'IP:127.0.0.1' }) }
})

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

async function plantIn(base: string, parts: readonly string[], bytes: Uint8Array): Promise<void> {
  const path = join(base, ...parts)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
}
