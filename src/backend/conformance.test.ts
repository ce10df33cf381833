import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { missing } from '../../test/helpers/peers.ts'
import { Authority, missingOpenssl, type RestServerOptions, startRestServer } from '../../test/helpers/rest-server.ts'
import { tempFolder } from '../../test/helpers/temp.ts'
import type { Backend } from './backend.ts'
import { CacheBackend } from './cache.ts'
import { type BackendUnderTest, testBackend } from './conformance.ts'
import { ConnectionsBackend } from './connections.ts'
import { FaultyBackend } from './faulty.ts'
import { LocalBackend } from './local.ts'
import { MemoryBackend } from './memory.ts'
import { openBackend } from './open.ts'
import { RetryBackend } from './retry.ts'
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
testBackend('a REST server with TLS', () => openTls(), { skip: noServer || missingOpenssl() })

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
  const server = await startRestServer(options)
  const path = options.privateRepos ? `${login?.user}/store` : 'store'
  const user = login ? `${login.user}:${encodeURIComponent(login.password)}@` : ''
  const host = `${user}127.0.0.1:${server.port}`
  const scheme = options.tls ? 'https' : 'http'
  const location = options.socket ? `rest:http+unix://${options.socket}:/${path}/` : `rest:${scheme}://${host}/${path}`
  const backend = openBackend(location, { retryLimit: 0, env: {}, tls })
  await backend.create()
  return under(backend, server, (parts, bytes) => plantIn(join(server.folder, path), parts, bytes))
}

async function openUnixSocket(): Promise<BackendUnderTest> {
  const folder = await tempFolder()
  const tested = await openRest({ socket: folder.join('socket') })
  return under(tested.backend, { [Symbol.asyncDispose]: () => disposeAll(tested, folder) }, tested.plant)
}

async function openTls(): Promise<BackendUnderTest> {
  const folder = await tempFolder()
  const authority = new Authority(folder.path)
  const tls = authority.sign('server', { host: 'IP:127.0.0.1' })
  const tested = await openRest({ tls }, undefined, { cacerts: [authority.cert] })
  return under(tested.backend, { [Symbol.asyncDispose]: () => disposeAll(tested, folder) }, tested.plant)
}

async function disposeAll(...resources: readonly AsyncDisposable[]): Promise<void> {
  for (const resource of resources) await resource[Symbol.asyncDispose]()
}

async function plantIn(base: string, parts: readonly string[], bytes: Uint8Array): Promise<void> {
  const path = join(base, ...parts)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
}
