import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../../../test/helpers/until.ts'
import { SettableClock } from '../../../test/helpers/settable-clock.ts'
import {
  basic,
  fileNamed,
  pathOf,
  type RunningEndpoint,
  startEndpoint,
  type StartOptions,
} from '../../../test/helpers/endpoint-server.ts'

const types = ['key', 'lock', 'snapshot', 'index', 'pack'] as const
const version1 = 'application/vnd.x.restic.rest.v1'
const version2 = 'application/vnd.x.restic.rest.v2'

test('files are given whole, in ranges, and by their size alone', async () => {
  await using server = await created()
  const bytes = randomBytes(300_000)
  const path = await put(server, 'pack', bytes)
  const whole = await server.send(path)
  assert.ok(whole.body.equals(bytes))
  assert.equal(whole.headers['content-length'], '300000')
  const head = await server.send(path, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '300000', 0])
  for (const [range, from, to] of [
    ['bytes=0-', 0, 300_000],
    ['bytes=5-9', 5, 10],
    ['bytes=299999-400000', 299_999, 300_000],
    ['bytes=-7', 299_993, 300_000],
  ] as const) {
    const part = await server.send(path, { headers: { range } })
    assert.equal(part.status, 206, range)
    assert.ok(part.body.equals(bytes.subarray(from, to)), range)
    assert.equal(part.headers['content-range'], `bytes ${from}-${to - 1}/300000`)
  }
  const beyond = await server.send(path, { headers: { range: 'bytes=300000-' } })
  assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, 'bytes */300000'])
  for (const range of ['bytes=1-2,5-6', 'bytes=9-5', 'lines=1-2', 'bytes=-']) {
    assert.equal((await server.send(path, { headers: { range } })).status, 200, range)
  }
  assert.equal((await server.send(path, { headers: { range: 'bytes=0-4', 'if-range': '"tag"' } })).status, 200)
  const sent = server.transfers.reduce((sum, transfer) => sum + transfer.sent, 0)
  assert.equal(sent, 300_000 * 7 + 5 + 1 + 7)
})

test('a listing has sizes for those who ask for version 2, and names for all others', async () => {
  await using server = await created()
  const all = [randomBytes(10), randomBytes(20)].map((bytes) => ({ bytes, file: fileNamed('index', bytes) }))
  for (const { bytes } of all) await put(server, 'index', bytes)
  const second = await server.send('/repo/anna/index/', { headers: { accept: version2 } })
  assert.equal(second.headers['content-type'], version2)
  const byName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1)
  const expected = all.map(({ bytes, file }) => ({ name: file.name, size: bytes.length })).toSorted(byName)
  assert.deepEqual((JSON.parse(second.body.toString()) as { readonly name: string }[]).toSorted(byName), expected)
  const first = await server.send('/repo/anna/index/')
  assert.equal(first.headers['content-type'], version1)
  assert.deepEqual(
    (JSON.parse(first.body.toString()) as string[]).toSorted(),
    expected.map(({ name }) => name),
  )
  assert.equal((await server.send('/repo/anna/keys/')).body.toString(), '[]')
})

test('the same bytes are accepted twice, others never, and the attempt is told', async () => {
  await using server = await created()
  for (const type of ['config', ...types] as const) {
    const bytes = randomBytes(1000)
    const path = await put(server, type, bytes)
    assert.equal((await server.send(path, { method: 'POST', body: bytes })).status, 200)
    const other = await server.send(path, { method: 'POST', body: randomBytes(1000) })
    assert.deepEqual([other.status, other.code], [403, 'ENDPOINT_FILE_TAKEN'])
    assert.ok((await server.send(path)).body.equals(bytes))
  }
  assert.deepEqual(
    server.refusals.map(({ kind, type, repository, machine }) => [kind, type, repository, machine]),
    ['config', ...types].map((type) => ['overwrite', type, 'anna', "anna's"]),
  )
})

test('bytes that do not hash to their name are not stored', async () => {
  await using server = await created()
  for (const size of [0, 1000, 3_000_000]) {
    const path = pathOf(fileNamed('pack', randomBytes(8)))
    const answer = await server.send(path, { method: 'POST', body: randomBytes(size) })
    assert.deepEqual([answer.status, answer.code], [400, 'ENDPOINT_NAME_WRONG'])
    assert.equal((await server.send(path, { method: 'HEAD' })).status, 404)
  }
  assert.deepEqual(await leftovers(server), [])
})

test('nothing but a lock can be deleted, and a lock only by the machine that wrote it', async () => {
  await using server = await created()
  server.credentials.set('other', { repository: 'anna', machine: "other's", password: 'other:pass' })
  for (const type of ['config', 'key', 'snapshot', 'index', 'pack'] as const) {
    const path = await put(server, type, randomBytes(100))
    const answer = await server.send(path, { method: 'DELETE' })
    assert.deepEqual([answer.status, answer.code], [403, 'ENDPOINT_DELETE_REFUSED'])
    assert.equal((await server.send(path, { method: 'HEAD' })).status, 200)
  }
  assert.equal((await server.send('/repo/anna/', { method: 'DELETE' })).status, 403)
  const lock = await put(server, 'lock', randomBytes(100))
  const foreign = await server.send(lock, { method: 'DELETE', user: 'other' })
  assert.deepEqual([foreign.status, foreign.code], [403, 'ENDPOINT_LOCK_FOREIGN'])
  assert.equal((await server.send(lock, { method: 'DELETE' })).status, 200)
  assert.equal((await server.send(lock, { method: 'HEAD' })).status, 404)
  assert.equal(
    (await server.send(lock, { method: 'DELETE' })).status,
    200,
    'the answer to the first may have been lost',
  )
  const kinds = server.refusals.map(({ kind }) => kind)
  assert.deepEqual(kinds, [...Array.from({ length: 6 }, () => 'delete'), 'delete foreign lock'])
})

test('a machine that sends a lock of the server again does not make it its own', async () => {
  await using server = await created()
  const bytes = randomBytes(100)
  const lock = fileNamed('lock', bytes)
  await (await server.storage.backend('anna')).write(lock, bytes)
  assert.equal((await server.send(pathOf(lock), { method: 'POST', body: bytes })).status, 200)
  assert.equal((await server.send(pathOf(lock), { method: 'DELETE' })).code, 'ENDPOINT_LOCK_FOREIGN')
  assert.equal((await server.send(pathOf(lock), { method: 'HEAD' })).status, 200)
})

test('a credential sees its own repository and no other, whether that exists or not', async () => {
  await using server = await created()
  const path = await put(server, 'pack', randomBytes(10))
  for (const foreign of [path, '/repo/anna/', '/repo/anna/data/', '/repo/nobody/config']) {
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
      const answer = await server.send(foreign, { method, user: 'bert' })
      assert.equal(answer.status, 403, `${method} ${foreign}`)
    }
  }
  assert.ok(server.refusals.every(({ kind, repository }) => kind === 'foreign repository' && repository === 'bert'))
  assert.equal(server.refusals.length, 16)
})

test('without a right password nothing is told, and many wrong ones are slowed down', async () => {
  const clock = new SettableClock()
  await using server = await created({ clock })
  const none = await server.send('/repo/anna/config', { headers: { authorization: '' } })
  assert.deepEqual([none.status, none.code], [401, 'ENDPOINT_CREDENTIAL_MISSING'])
  assert.match(String(none.headers['www-authenticate']), /^Basic realm=/)
  const guess = async (user: string) => (await server.send('/repo/anna/config', { user, password: 'guess' })).status
  for (let i = 0; i < 11; i++) assert.equal(await guess('bert'), 401)
  const slowed = await server.send('/repo/anna/config', { user: 'bert', password: 'guess' })
  assert.deepEqual([slowed.status, slowed.headers['retry-after']], [429, '1'])
  assert.equal(
    (await server.send('/repo/bert/config', { user: 'bert' })).status,
    429,
    'right ones are not tried either',
  )
  assert.equal((await server.send('/repo/anna/config')).status, 404, 'anna has come in before, and is not held up')
  clock.pass(1001)
  assert.equal((await server.send('/repo/bert/config', { user: 'bert' })).status, 404)
})

test('odd paths and methods are refused with one sentence', async () => {
  await using server = await created()
  const name = 'a'.repeat(64)
  for (const path of [
    '/repo/anna',
    '/repo/anna/config/',
    '/repo/anna//config',
    '/repo/anna/data',
    `/repo/anna/data/aa/${name}`,
    `/repo/anna/data/${name.toUpperCase()}`,
    `/repo/anna/data/${name}%00`,
    '/repo/anna/data/%2e%2e/config',
    '/repo/anna/../bert/config',
    '/repo/anna/locks/..',
    '/repo/%61nna/config',
    '/repo/.incoming/data/',
    `/repo/anna/deleted/2026-01-01/pack/${name}`,
    `/repo/anna/nothing/${name}`,
    `/repo/anna/__proto__/${name}`,
  ]) {
    const answer = await server.send(path)
    assert.deepEqual([answer.status, answer.code], [404, 'ENDPOINT_PATH_UNKNOWN'], path)
  }
  for (const method of ['PUT', 'PATCH', 'OPTIONS']) {
    assert.equal((await server.send('/repo/anna/config', { method })).code, 'ENDPOINT_METHOD_UNKNOWN')
  }
  assert.equal((await server.send('/repo/anna/', { method: 'POST' })).code, 'ENDPOINT_METHOD_UNKNOWN')
  const bytes = randomBytes(10)
  const upload = { method: 'POST', body: bytes, headers: { 'content-type': 'not a type' } }
  const malformed = await server.send(pathOf(fileNamed('pack', bytes)), upload)
  assert.deepEqual([malformed.status, malformed.code], [400, 'ENDPOINT_REQUEST_MALFORMED'])
})

test('what is too large is refused before it comes, and when it comes unannounced', async () => {
  await using server = await created({ limits: { largest: 2_000_000 } })
  const bytes = randomBytes(2_000_001)
  const path = pathOf(fileNamed('pack', bytes))
  for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
    const answer = await server.send(path, { method: 'POST', body: bytes, headers })
    assert.deepEqual([answer.status, answer.code], [413, 'ENDPOINT_FILE_TOO_LARGE'])
  }
  const lock = randomBytes((64 << 10) + 1)
  assert.equal((await server.send(pathOf(fileNamed('lock', lock)), { method: 'POST', body: lock })).status, 413)
  assert.deepEqual(await leftovers(server), [])
})

test('an upload without a length is stored like any other', async () => {
  await using server = await created()
  const bytes = randomBytes(3_000_000)
  const headers = { 'transfer-encoding': 'chunked' }
  const answer = await server.send(pathOf(fileNamed('pack', bytes)), { method: 'POST', body: bytes, headers })
  assert.equal(answer.status, 200)
  assert.ok((await server.send(pathOf(fileNamed('pack', bytes)))).body.equals(bytes))
})

test('a read-only repository is read, locked and unlocked, and takes nothing; a closed one does nothing', async () => {
  await using server = await created()
  const bytes = randomBytes(10)
  const path = await put(server, 'pack', bytes)
  const anna = server.credentials.get('anna')
  assert.ok(anna)
  server.credentials.set('anna', { ...anna, state: 'read-only', reason: 'the business was attacked' })
  assert.equal((await server.send(path)).status, 200)
  const lock = await put(server, 'lock', randomBytes(10))
  assert.equal((await server.send(lock, { method: 'DELETE' })).status, 200)
  const more = randomBytes(20)
  const refused = await server.send(pathOf(fileNamed('pack', more)), { method: 'POST', body: more })
  assert.deepEqual([refused.status, refused.code], [403, 'ENDPOINT_REPOSITORY_READ_ONLY'])
  assert.match(refused.phrase, /the business was attacked/)
  assert.equal((await server.send('/repo/anna/?create=true', { method: 'POST' })).status, 403)
  server.credentials.set('anna', { ...anna, state: 'closed', reason: 'the machine was revoked' })
  for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
    assert.equal((await server.send(path, { method })).status, 403, method)
  }
})

test('a snapshot counts as received only when the ledger has it', async () => {
  let works = false
  const told: string[] = []
  const onStored: StartOptions['onStored'] = async ({ type, name, size, repository, machine, at }) => {
    if (type !== 'snapshot') return
    told.push(`${repository} ${machine} ${name} ${size} ${at}`)
    if (!works) throw new Error('the database is away')
  }
  const clock = new SettableClock(1_800_000_000_000)
  await using server = await created({ onStored, clock })
  const bytes = randomBytes(300)
  const file = fileNamed('snapshot', bytes)
  const failed = await server.send(pathOf(file), { method: 'POST', body: bytes })
  assert.deepEqual([failed.status, failed.code], [503, 'ENDPOINT_NOT_RECORDED'])
  works = true
  assert.equal((await server.send(pathOf(file), { method: 'POST', body: bytes })).status, 200)
  const line = `anna anna's ${file.name} 300 1800000000000`
  assert.deepEqual(told, [line, line])
})

test('an upload whose connection breaks leaves nothing, and gives its room in the quota back', async () => {
  await using server = await created()
  const anna = server.credentials.get('anna')
  assert.ok(anna)
  server.credentials.set('anna', { ...anna, allowedBytes: 3_000_000 })
  const bytes = randomBytes(2_500_000)
  const path = pathOf(fileNamed('pack', bytes))
  for (let i = 0; i < 3; i++) {
    const socket = beginUpload(server, path, bytes.length)
    socket.write(bytes.subarray(0, 2_000_000))
    await once(server.app.server, 'request')
    socket.destroy()
  }
  await until(() => server.transfers.length === 3)
  assert.deepEqual(await leftovers(server), [])
  assert.equal((await server.send(path, { method: 'HEAD' })).status, 404)
  assert.equal((await server.send(path, { method: 'POST', body: bytes })).status, 200)
})

test('a sender that stops sending is cut off', async () => {
  await using server = await created({ limits: { stall: 100 } })
  const bytes = randomBytes(100_000)
  const socket = beginUpload(server, pathOf(fileNamed('pack', bytes)), bytes.length)
  socket.write(bytes.subarray(0, 70_000))
  await once(socket, 'close')
  await until(() => server.transfers.length === 1)
  assert.deepEqual(await leftovers(server), [])
})

test('a file that the storage has damaged is not taken for the one that is sent again', async () => {
  await using server = await created()
  const bytes = randomBytes(1000)
  const path = await put(server, 'index', bytes)
  const stored = join(server.folder, 'repositories', 'anna', 'index', fileNamed('index', bytes).name)
  await rm(stored)
  await writeFile(stored, randomBytes(1000))
  const answer = await server.send(path, { method: 'POST', body: bytes })
  assert.deepEqual([answer.status, answer.code], [500, 'ENDPOINT_FILE_DAMAGED'])
})

test('an upload does not make a repository that is not there, but mends a folder that it lost', async () => {
  await using server = await startEndpoint()
  const bytes = randomBytes(10)
  const path = pathOf(fileNamed('pack', bytes))
  const missing = await server.send(path, { method: 'POST', body: bytes })
  assert.deepEqual([missing.status, missing.code], [404, 'ENDPOINT_REPOSITORY_MISSING'])
  assert.equal((await server.send('/repo/anna/data/')).body.toString(), '[]')
  await server.send('/repo/anna/?create=true', { method: 'POST' })
  await rm(join(server.folder, 'repositories', 'anna', 'data'), { recursive: true })
  await server.send(path, { method: 'POST', body: bytes })
  assert.equal((await server.send(path, { method: 'POST', body: bytes })).status, 200)
})

test('one machine cannot take all places for uploads', async () => {
  await using server = await created({ limits: { mostOfOne: 2 } })
  const bytes = randomBytes(1000)
  const path = pathOf(fileNamed('pack', bytes))
  const sockets = [1, 2].map(() => beginUpload(server, path, bytes.length))
  await once(server.app.server, 'request')
  await once(server.app.server, 'request')
  const answer = await server.send(path, { method: 'POST', body: bytes })
  assert.deepEqual([answer.status, answer.code, answer.headers['retry-after']], [429, 'ENDPOINT_TOO_MANY_UPLOADS', '5'])
  for (const socket of sockets) socket.destroy()
})

async function created(options: StartOptions = {}): Promise<RunningEndpoint> {
  const server = await startEndpoint(options)
  for (const user of ['anna', 'bert']) await server.send(`/repo/${user}/?create=true`, { method: 'POST', user })
  return server
}

/** Stores a file; gives its path. */
async function put(server: RunningEndpoint, type: Parameters<typeof fileNamed>[0], body: Uint8Array): Promise<string> {
  const path = pathOf(fileNamed(type, body))
  const { status, body: words } = await server.send(path, { method: 'POST', body })
  assert.equal(status, 200, words.toString())
  return path
}

/** The head of an upload, with no body yet. */
function beginUpload({ port }: RunningEndpoint, path: string, length: number) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  const headers = ['host: here', `authorization: ${basic('anna', 'anna:pass')}`, `content-length: ${length}`]
  socket.write([`POST ${path} HTTP/1.1`, ...headers, '', ''].join('\r\n'))
  return socket
}

async function leftovers({ folder }: RunningEndpoint): Promise<string[]> {
  return readdir(join(folder, 'repositories', '.incoming'))
}
